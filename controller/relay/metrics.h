// SPDX-License-Identifier: Apache-2.0
// The relay's numbers in Prometheus' text form (L3).
#pragma once

#include <string>
#include <vector>

#include "controller/bpf/counter.h"
#include "controller/core/relay/session_table.h"
#include "controller/relay/kernel_path.h"

namespace kernmesh::relay {

struct Numbers {
  std::size_t clients = 0, channels = 0, tls_connections = 0;
  bool draining = false;
  SessionCounts counts;
  std::uint64_t stun_answers = 0, unknown_datagrams = 0;
  std::vector<bpf::Counter> kernel;  // empty without the kernel's path
  std::vector<PortState> ports;
};

std::string render_metrics(const Numbers& numbers);

}  // namespace kernmesh::relay
