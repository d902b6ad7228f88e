// SPDX-License-Identifier: Apache-2.0
// The node's state as the local API shows it (L3).
#pragma once

#include "controller/agent/mesh_node.h"
#include "controller/core/portmap/mapper.h"
#include "mesh/v1/local.pb.h"

namespace kernmesh::agent {

struct StatusFacts {
  bool logged_in = false;
  bool wanted_up = false;
  const MeshNode* node = nullptr;          // null: not running
  const netmap::Netmap* stored = nullptr;  // null: none was ever received
  std::optional<portmap::Mapping> mapping;
  MonoTime now{};
  WallTime wall_now{};
};

// State, self, peers with their paths and counters, ports and endpoints.
void fill_status(const StatusFacts& facts, mesh::v1::StatusResponse& response);
// `relays` gives relays their names.
void fill_ping(const path::PingResult& result, const netmap::Relays& relays,
               mesh::v1::PingResponse& response);
// `node`: null when it has gone meanwhile.
void fill_netcheck(const netcheck::Report& report, const MeshNode* node,
                   mesh::v1::NetcheckResponse& response);
void fill_mapping(const portmap::Mapping& mapping, mesh::v1::PortMapping& out);
// Routes wanted by the netmap, and whether each is in the kernel.
Status fill_routes(const MeshNode& node, const std::string& mesh_name,
                   mesh::v1::RoutesResponse& response);

// What `up` answers; `map` may be null.
mesh::v1::UpResponse up_answer(const netmap::Netmap* map, Duration took);

}  // namespace kernmesh::agent
