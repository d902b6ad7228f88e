// SPDX-License-Identifier: Apache-2.0
// The interfaces by which this host reaches the rest of the world (L3): where a relay forwards when
// nobody has said where.
#pragma once

#include <string>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::relay {

// Names of the Ethernet interfaces that a default route leads to, of IPv4 or IPv6, in the main
// table. Tunnels and PPP are left out: the program reads Ethernet frames.
Result<std::vector<std::string>> default_interfaces();

}  // namespace kernmesh::relay
