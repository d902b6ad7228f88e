// SPDX-License-Identifier: Apache-2.0
// The agent's numbers in Prometheus' text form (L3, pure). docs/metrics.md lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/bpf/acl.h"
#include "controller/bpf/counter.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/path/command.h"
#include "controller/core/portmap/mapper.h"

namespace kernmesh::agent {

struct PeerNumbers {
  std::string name;
  path::PathKind path = path::PathKind::kNone;
  std::optional<Duration> latency;
  std::optional<double> loss;  // 0 to 1
  std::uint64_t rx_bytes = 0, tx_bytes = 0;
};

// What goes to relays over TLS and comes from them.
struct StreamNumbers {
  std::uint64_t connected = 0, unconnected = 0;  // relays that are reached that way
  std::uint64_t rx_packets = 0, tx_packets = 0, rx_bytes = 0, tx_bytes = 0;
};

// What is there only while the node is up.
struct NodeNumbers {
  std::uint64_t direct_peers = 0;
  std::uint64_t relayed_peers = 0;
  std::uint64_t pathless_peers = 0;
  std::vector<PeerNumbers> peers;  // none when there are more than shall be told one by one
  StreamNumbers streams;
  std::vector<bpf::Counter> underlay;
  std::vector<bpf::Counter> acl;
  bpf::FlowCounts flows;
  std::uint32_t max_flows = 0;  // of each kind
  std::uint32_t generation = 0;
  std::uint32_t rules = 0;
  std::uint64_t image_bytes = 0;
  bool is_policy_in_force = false;  // of the newest netmap
  WallTime key_expires_at{};        // this node's; 1970: never
  WallTime policy_failed_at{};      // the last time that one could not be; 1970: never
};

// What this node makes of the network lock.
struct LockNumbers {
  bool is_in_force = false;
  bool is_refused = false;       // what the server has is not what was verified here
  bool is_endorsed = false;      // this node itself
  std::uint64_t left_out = 0;    // peers
  std::uint64_t statements = 0;  // number of the newest
};

struct AgentNumbers {
  bool connected = false;
  MapVersion received;
  MapVersion applied;
  std::uint64_t problems = 0;
  LockNumbers lock;
  std::optional<portmap::Protocol> mapped_by;  // how the gateway was asked for a port that it gave
  std::optional<NodeNumbers> node;
};

std::string render_metrics(const AgentNumbers& numbers);

}  // namespace kernmesh::agent
