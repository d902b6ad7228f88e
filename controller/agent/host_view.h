// SPDX-License-Identifier: Apache-2.0
// This host's interfaces, their usable addresses, its gateway and its meshes as values (L3).
#pragma once

#include <optional>
#include <vector>

#include "controller/core/portmap/gateway.h"
#include "controller/core/reconcile/uplink.h"
#include "controller/netlink/socket.h"

namespace kernmesh::agent {

Result<std::vector<reconcile::Interface>> read_interfaces(const netlink::RouteSocket& socket);

// The gateway that may map a port for this node: IPv4's default route must lead through an uplink.
std::optional<portmap::Gateway> read_gateway(const netlink::RouteSocket& socket,
                                             const reconcile::Uplinks& uplinks);

// The ranges of every mesh that this network namespace takes part in, ours and other agents'.
Result<std::vector<Prefix>> read_mesh_ranges(const netlink::RouteSocket& socket);

// "6.1.0-49-amd64", as uname prints it.
std::string kernel_release();
// The machine's name up to its first dot.
std::string machine_hostname();

}  // namespace kernmesh::agent
