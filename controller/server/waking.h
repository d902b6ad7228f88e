// SPDX-License-Identifier: Apache-2.0
// Whom a change of the network wakes (L3; one thread). Remembers how far into the changes it has
// looked, so that changes that come while nobody looks are looked at together and none is skipped.
#pragma once

#include <vector>

#include "controller/server/directory.h"
#include "controller/server/presence.h"

namespace kernmesh::server {

// After so many changes every stream is woken once: one that nothing concerns moves its place in
// the history only when it is woken, and must not fall out of it.
inline constexpr std::uint64_t kWakeAllAfter = topology::kHistory / 4;

class Waking {
 public:
  // Changes that `directory` has already do not count: a stream that opens begins with the newest
  // state. Both outlive it.
  Waking(const Directory& directory, const Presence& presence);

  // The streams that a change since the last call may concern. A stream that is not among them
  // because it opened too late has the changes in its first message.
  std::vector<OpenStream> due();

 private:
  const Directory& directory_;
  const Presence& presence_;
  MapVersion looked_;     // up to here every stream was woken for what may concern it
  MapVersion all_woken_;  // up to here every stream was woken
};

}  // namespace kernmesh::server
