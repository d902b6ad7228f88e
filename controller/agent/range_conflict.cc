// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/range_conflict.h"

#include <algorithm>

#include "controller/core/reconcile/desired.h"
#include "controller/netlink/route.h"

namespace kernmesh::agent {

Status check_conflicts(const netlink::RouteSocket& socket, const netmap::Netmap& map,
                       IfIndex mesh) {
  for (const auto& prefix : map.self.overlay_prefixes) {
    MESH_TRY_ASSIGN(const auto foreign, netlink::foreign_routes_inside(socket, prefix, mesh));
    if (foreign.empty()) continue;
    return Error(ErrorCode::kConflict,
                 "the mesh's range " + to_string(prefix) + " contains " +
                     to_string(foreign.front()) +
                     ", which this host already routes elsewhere; give the server another range "
                     "(mesh-server --overlay-v4/--overlay-v6) or remove that route");
  }
  return {};
}

bool is_routed(const netlink::RouteSocket& socket, IfIndex mesh) {
  const auto routes = netlink::list_routes(socket, reconcile::kRouteTable);
  return routes && std::any_of(routes->begin(), routes->end(),
                               [&](const auto& route) { return route.device == mesh; });
}

}  // namespace kernmesh::agent
