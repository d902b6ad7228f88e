// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/uplink.h"

#include <net/if_arp.h>

#include <algorithm>

#include "controller/netlink/link.h"
#include "controller/netlink/route.h"

namespace kernmesh::relay {

Result<std::vector<std::string>> default_interfaces() {
  MESH_TRY_ASSIGN(const auto socket, netlink::RouteSocket::open());
  MESH_TRY_ASSIGN(const auto devices, netlink::default_route_devices(socket));
  MESH_TRY_ASSIGN(const auto links, netlink::list_links(socket));
  std::vector<std::string> names;
  for (const auto& link : links) {
    const bool leads_out = std::find(devices.begin(), devices.end(), link.index) != devices.end();
    if (leads_out && link.arp_type == ARPHRD_ETHER) names.push_back(link.name);
  }
  return names;
}

}  // namespace kernmesh::relay
