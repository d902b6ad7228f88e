// SPDX-License-Identifier: Apache-2.0
// Routes and policy rules of ours, and questions to the kernel's routing (L2).
#pragma once

#include <optional>
#include <vector>

#include "controller/core/reconcile/device.h"
#include "controller/netlink/socket.h"

namespace kernmesh::netlink {

// RTA_PROTOCOL of the routes and rules that we add, so that people see whose they are. Not in
// iproute2's rt_protos; the range above 100 is free there.
inline constexpr std::uint8_t kProtocol = 109;

// Only that table's routes, so a host with a full BGP table costs nothing.
Result<std::vector<reconcile::Route>> list_routes(const RouteSocket& socket, std::uint32_t table);
Status add_route(const RouteSocket& socket, const reconcile::Route& route);
Status remove_route(const RouteSocket& socket, const reconcile::Route& route);

// Every rule of both families but the kernel's own for VRFs; table 0: looks nothing up.
Result<std::vector<reconcile::Rule>> list_rules(const RouteSocket& socket);
Status add_rule(const RouteSocket& socket, const reconcile::Rule& rule);
Status remove_rule(const RouteSocket& socket, const reconcile::Rule& rule);

// How a packet of this host to `destination` would leave: RTM_GETROUTE.
struct RouteAnswer {
  IfIndex device;
  IpAddress source;
  std::optional<IpAddress> via;  // the next hop; none when the destination is a neighbour
};
// kNotFound when there is no route.
Result<RouteAnswer> look_up_route(const RouteSocket& socket, const IpAddress& destination);

// Devices of the default routes of the main table, both families, every next hop; sorted.
Result<std::vector<IfIndex>> default_route_devices(const RouteSocket& socket);

// Destinations of other people's routes that lie inside `range`, in any table: bringing the range
// up on `own_device` would take them over. Our own unreachable ones are no one else's.
Result<std::vector<Prefix>> foreign_routes_inside(const RouteSocket& socket, const Prefix& range,
                                                  IfIndex own_device);

}  // namespace kernmesh::netlink
