// SPDX-License-Identifier: Apache-2.0
// Addresses that UPnP devices name (L1, pure). Anybody on the network answers a search, and what he
// names would be fetched: so only what lies at the gateway itself is.
#pragma once

#include <string_view>

#include "controller/base/ip.h"

namespace kernmesh::portmap {

// Is it "http://ADDRESS[:PORT][/…]" with that IPv4 address, written as four decimal numbers?
bool leads_to(std::string_view url, const IpAddress& address);

}  // namespace kernmesh::portmap
