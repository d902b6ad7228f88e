// SPDX-License-Identifier: Apache-2.0
// This host's interfaces and their usable addresses as values (L3).
#pragma once

#include <vector>

#include "controller/core/reconcile/uplink.h"
#include "controller/netlink/socket.h"

namespace kernmesh::agent {

Result<std::vector<reconcile::Interface>> read_interfaces(const netlink::RouteSocket& socket);

// "6.1.0-49-amd64", as uname prints it.
std::string kernel_release();
// The machine's name up to its first dot.
std::string machine_hostname();

}  // namespace kernmesh::agent
