// SPDX-License-Identifier: Apache-2.0
// What a new server makes for itself (L3): network ranges, secrets, the administrator token, a
// policy.
#pragma once

#include <optional>
#include <string>

#include "controller/core/topology/registration.h"
#include "controller/server/state_dir.h"
#include "controller/store/store.h"

namespace kernmesh::server {

// Which overlay ranges the command line asks for; empty texts leave it to the stored or default
// ones.
struct WantedOverlay {
  std::string v4;
  std::string v6;
};

// Writes the first records of a store that has none, the starter policy among them, and
// STATE/admin.token (0600) before them.
// kInvalid for ranges that cannot be an overlay.
Status initialise(store::Store& store, const StateDir& state, const WantedOverlay& wanted,
                  const topology::CaFingerprint& ca, WallTime now);

// The store's file in the state directory.
inline constexpr const char* kStoreFile = "server.db";

// In the state directory from before restore() moves anything there until all is in its place. It
// holds the epoch of what is being restored.
inline constexpr const char* kRestoringFile = "restoring";

// kConflict while a restore is under way in the directory, and after one that was cut short: what
// is there may be half of one network and half of another.
Status check_restored(const std::string& state_dir);

// To be asked before anything is made in the directory. check_restored(), and kCorrupt when an
// administrator token tells of a network whose database is missing or empty: to start anew would
// forget every node. A first start that was cut short passes, because initialise() comes after the
// database was made.
Status check_not_lost(const StateDir& state);

// kConflict when other ranges are wanted than nodes have their addresses from.
Status check_wanted(const topology::OverlayRange& stored, const WantedOverlay& wanted);

}  // namespace kernmesh::server
