// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/counter.h"

#include <numeric>

#include "controller/bpf/map.h"

namespace kernmesh::bpf {

Result<std::vector<Counter>> read_counters(int map_fd, std::span<const Reason> reasons) {
  std::vector<Counter> out;
  for (std::uint32_t i = 0; i < reasons.size(); ++i) {
    MESH_TRY_ASSIGN(const auto values, read_per_cpu<std::uint64_t>(map_fd, &i));
    out.push_back({reasons[i],
                   values ? std::accumulate(values->begin(), values->end(), std::uint64_t{0}) : 0});
  }
  return out;
}

}  // namespace kernmesh::bpf
