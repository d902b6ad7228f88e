// SPDX-License-Identifier: Apache-2.0
// This host's addresses (L3): what nobody may be sent to through the relay, and where nodes reach
// it.
#pragma once

#include <set>
#include <vector>

#include "controller/base/ip.h"

namespace kernmesh::relay {

// Of all interfaces. Empty: the system did not say.
std::set<IpAddress> own_addresses();

// Those of them that other hosts can reach, with that port; at most eight, IPv4 first.
std::vector<Endpoint> own_endpoints(Port port);

}  // namespace kernmesh::relay
