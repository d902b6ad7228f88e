// SPDX-License-Identifier: Apache-2.0
// The gateway that may map a port, and which addresses count outside (L1, pure).
#pragma once

#include <optional>

#include "controller/base/ip.h"

namespace kernmesh::portmap {

struct Gateway {
  IpAddress address;
  IpAddress local;  // this node's, from which the gateway is reached
  bool operator==(const Gateway&) const = default;
};

// 192.0.0.9, RFC 7723's address for "whoever maps ports": the way to it is the default route's, and
// to look that way up sends nothing.
inline constexpr IpAddress kAnyGateway = IpAddress::from_v4_number(0xc0000009);

// An IPv4 address that means the same everywhere (RFC 6890). Documentation's ranges count, which
// stand for the Internet in laboratories.
bool is_public(const IpAddress& address);

// The one to ask, for a default route through `next_hop` from `source`. None without a next hop,
// and for a source that is public already.
std::optional<Gateway> gateway_to_ask(const std::optional<IpAddress>& next_hop,
                                      const IpAddress& source);

}  // namespace kernmesh::portmap
