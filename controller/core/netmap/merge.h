// SPDX-License-Identifier: Apache-2.0
// From the held netmap and what the server sent to the next netmap (L1, pure). Either the whole
// next map comes back, checked, or an error and the held map is as it was.
#pragma once

#include <optional>
#include <vector>

#include "controller/base/result.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/netmap/validate.h"

namespace kernmesh::netmap {

// What every incoming map is judged by.
struct MergeRules {
  OwnKeys own;
  Limits limits;
};

// A snapshot replaces the held map. A higher epoch is always accepted (an administrator restored a
// backup); within an epoch the same or a later revision is. kConflict for anything older, the
// errors of validate() for what the map says.
Result<Netmap> apply_snapshot(const std::optional<Netmap>& held, Netmap incoming,
                              const MergeRules& rules);

// A delta leads from exactly the held version to a later one of the same epoch; kConflict
// otherwise, and the caller asks for a snapshot. Removing a peer that is not held is no error
// (server-side coalescing can name one that came and went), naming a peer twice is.
Result<Netmap> apply_delta(const Netmap& held, const Delta& delta, const MergeRules& rules);

// The merged map has everybody in `peers`, also whom the held one left out: who stays in is for
// core/lock/admission.h to say.

// Where a delta may change a map.
struct Touched {
  std::vector<NodeId> peers;    // ascending, each once
  std::vector<NodeId> members;  // ascending, each once: who joined or left a set that was held
  bool rules = false;           // a rule or a whole set
};
// nullopt when it changes this node itself, or the lock.
std::optional<Touched> touched_by(const Delta& delta);

}  // namespace kernmesh::netmap
