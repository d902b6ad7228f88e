// SPDX-License-Identifier: Apache-2.0
// Backup and restore of a network (L3): the database, the authority, what else cannot be made anew.
#pragma once

#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/result.h"

namespace kernmesh::server {

// What a backup holds, for the person who made it.
struct BackupContents {
  MapVersion version;  // of the network; its epoch is the new one after a restore
  std::size_t users = 0;
  std::size_t nodes = 0;
  std::size_t relays = 0;
  PolicyRevision policy;
};

// Makes the directory `target` (0700) from the state of a server that may be running: whole, or
// there is none. kNotFound when `state_dir` has no database, kAlreadyExists when `target` is there.
Result<BackupContents> back_up(const std::string& state_dir, const std::string& target);

struct Restored {
  BackupContents contents;
  std::string replaced;  // where the files lie that were there before; empty without any
};

// Puts a backup in the place of what `state_dir` has, which is kept beside it, and raises the epoch
// beyond every one that nodes can hold, so that they accept the older state: beyond that of the
// backup, of the state that is replaced, and of earlier restores of the same backup, which is why
// it follows the clock. kConflict while a server uses `state_dir`; after kNotFound or kCorrupt, for
// a backup that is not one, nothing has changed. May be run again after a crash.
Result<Restored> restore(const std::string& source, const std::string& state_dir, WallTime now);

}  // namespace kernmesh::server
