// SPDX-License-Identifier: Apache-2.0
// Interface addresses through rtnetlink (L2).
#pragma once

#include <vector>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/netlink/socket.h"

namespace kernmesh::netlink {

// Whether an address may be used as a source, and how far it reaches.
struct AddressInfo {
  IfIndex device;
  IpAddress address;
  int prefix_length = 0;
  bool usable = true;       // not tentative, not failed duplicate detection
  bool deprecated = false;  // nothing new shall use it (RFC 4862 5.5.4); it receives as before
  bool global = true;       // scope global
  bool operator==(const AddressInfo&) const = default;
};

// All interfaces' addresses, both families.
Result<std::vector<AddressInfo>> list_addresses(const RouteSocket& socket);

// Adds ADDRESS/LENGTH; success when it is there already. IPv6 without duplicate detection:
// WireGuard has no broadcast domain to ask. No route for the prefix is made.
Status add_address(const RouteSocket& socket, IfIndex device, const IpAddress& address,
                   int prefix_length);
// Success when it is gone already.
Status remove_address(const RouteSocket& socket, IfIndex device, const IpAddress& address,
                      int prefix_length);

}  // namespace kernmesh::netlink
