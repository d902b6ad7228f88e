// SPDX-License-Identifier: Apache-2.0
// The programs' counters: one for each way a packet can end (L2).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::bpf {

struct Reason {
  std::string_view label;    // stable, for metrics and JSON
  std::string_view meaning;  // for people
};

struct Counter {
  Reason reason;
  std::uint64_t packets = 0;
};

// Sums a per-CPU array whose entry i counts reasons[i].
Result<std::vector<Counter>> read_counters(int map_fd, std::span<const Reason> reasons);

}  // namespace kernmesh::bpf
