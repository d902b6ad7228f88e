// SPDX-License-Identifier: Apache-2.0
// Addresses between our types and libnl's (L2, internal to this folder).
#pragma once

#include <netlink/addr.h>

#include <optional>

#include "controller/base/ip.h"

namespace kernmesh::netlink {

// The caller owns the result (nl_addr_put). Null when out of memory.
nl_addr* to_nl_addr(const IpAddress& address, int prefix_length);
// nullopt for null and for families that are not IP.
std::optional<IpAddress> from_nl_addr(const nl_addr* addr);
int to_af(IpFamily family);

}  // namespace kernmesh::netlink
