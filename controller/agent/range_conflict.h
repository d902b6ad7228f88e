// SPDX-License-Identifier: Apache-2.0
// Ranges of the mesh that somebody else's routes of this host already use (L3).
#pragma once

#include "controller/base/ids.h"
#include "controller/base/result.h"
#include "controller/core/netmap/netmap.h"
#include "controller/netlink/socket.h"

namespace kernmesh::agent {

// kConflict names one, and what to do. `mesh` is the interface whose routes are ours.
Status check_conflicts(const netlink::RouteSocket& socket, const netmap::Netmap& map, IfIndex mesh);

// Whether the mesh was up before: its rule precedes the main table's, so that a route which came
// later takes nothing from it.
bool is_routed(const netlink::RouteSocket& socket, IfIndex mesh);

}  // namespace kernmesh::agent
