// SPDX-License-Identifier: Apache-2.0
// How an agent is started (L3).
#pragma once

#include <cstdint>
#include <string>

#include "controller/agent/instance.h"
#include "controller/base/ids.h"

namespace kernmesh::agent {

struct AgentOptions {
  std::string state_dir = "/var/lib/kernmesh";
  std::string socket_path = "/run/kernmesh/agent.sock";
  std::string mesh_name = "mesh0";
  std::string underlay_name = "meshu0";
  Port port;                // 0: the stored one, or a random one
  std::string http_listen;  // ADDRESS:PORT of /metrics and /healthz; empty: no pages
  AccessOptions access;
  bool no_port_mapping = false;         // no gateway is asked
  std::uint32_t most_peers_told = 100;  // one by one in /metrics; of more, none
};

}  // namespace kernmesh::agent
