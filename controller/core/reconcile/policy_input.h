// SPDX-License-Identifier: Apache-2.0
// From a netmap to what the kernel's policy is compiled from (L1, pure).
#pragma once

#include <span>

#include "controller/base/clock.h"
#include "controller/core/maplayout/acl_input.h"
#include "controller/core/netmap/netmap.h"

namespace kernmesh::reconcile {

// Borrows from the map. Peers whose key has expired are left out, all of them when this node's own
// has: then nobody is known and nothing passes.
maplayout::AclInput policy_input(const netmap::Netmap& map, WallTime now);
// The same with no other peers than those (ascending).
maplayout::AclInput policy_input(const netmap::Netmap& map, std::span<const NodeId> peers,
                                 WallTime now);

}  // namespace kernmesh::reconcile
