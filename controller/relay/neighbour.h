// SPDX-License-Identifier: Apache-2.0
// Somebody on an Ethernet who answers ARP, for the self-test of XDP (L3).
#pragma once

#include <optional>
#include <string>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/result.h"

namespace kernmesh::relay {

// The gateway behind the interface, or anybody whom the kernel knows there. Nothing: nobody.
std::optional<IpAddress> find_neighbour(const std::string& interface);

// Asks for the neighbour's Ethernet address, whatever the kernel's cache holds.
Status send_arp_request(const std::string& interface, const IpAddress& neighbour);

}  // namespace kernmesh::relay
