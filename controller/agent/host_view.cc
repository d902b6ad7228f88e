// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/host_view.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/utsname.h>

#include <algorithm>

#include "controller/core/reconcile/desired.h"
#include "controller/netlink/address.h"
#include "controller/netlink/link.h"
#include "controller/netlink/route.h"

namespace kernmesh::agent {

Result<std::vector<reconcile::Interface>> read_interfaces(const netlink::RouteSocket& socket) {
  MESH_TRY_ASSIGN(const auto links, netlink::list_links(socket));
  MESH_TRY_ASSIGN(const auto addresses, netlink::list_addresses(socket));
  std::vector<reconcile::Interface> interfaces;
  for (const auto& link : links) {
    reconcile::Interface interface;
    interface.index = link.index;
    interface.name = link.name;
    interface.kind = link.kind;
    interface.mtu = link.mtu;
    interface.up = link.up();
    interface.loopback = (link.flags & IFF_LOOPBACK) != 0;
    interface.ethernet = link.arp_type == ARPHRD_ETHER;
    interface.enslaved = link.master.value() != 0;
    for (const auto& address : addresses) {
      if (address.device == link.index && address.usable && address.global) {
        (address.deprecated ? interface.deprecated : interface.addresses)
            .push_back(address.address);
      }
    }
    interfaces.push_back(std::move(interface));
  }
  return interfaces;
}

std::optional<portmap::Gateway> read_gateway(const netlink::RouteSocket& socket,
                                             const reconcile::Uplinks& uplinks) {
  const auto way = netlink::look_up_route(socket, portmap::kAnyGateway);
  if (!way) return std::nullopt;
  const bool through_uplink =
      std::any_of(uplinks.interfaces.begin(), uplinks.interfaces.end(),
                  [&](const auto& interface) { return interface.index == way->device; });
  return through_uplink ? portmap::gateway_to_ask(way->via, way->source) : std::nullopt;
}

Result<std::vector<Prefix>> read_mesh_ranges(const netlink::RouteSocket& socket) {
  MESH_TRY_ASSIGN(const auto routes, netlink::list_routes(socket, reconcile::kRouteTable));
  std::vector<Prefix> ranges;
  ranges.reserve(routes.size());
  for (const auto& route : routes) ranges.push_back(route.destination);
  std::sort(ranges.begin(), ranges.end());
  ranges.erase(std::unique(ranges.begin(), ranges.end()), ranges.end());
  return ranges;
}

std::string kernel_release() {
  utsname name;
  return uname(&name) == 0 ? name.release : "unknown";
}

std::string machine_hostname() {
  utsname name;
  if (uname(&name) != 0) return "node";
  const std::string full = name.nodename;
  return full.substr(0, full.find('.'));
}

}  // namespace kernmesh::agent
