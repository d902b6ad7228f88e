// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/counter.h"

#include "controller/bpf/map.h"

namespace kernmesh::bpf {

Result<std::vector<Counter>> read_counters(int map_fd, std::span<const Reason> reasons) {
  MESH_TRY_ASSIGN(const auto sums,
                  sums_over_cpus(map_fd, static_cast<std::uint32_t>(reasons.size())));
  std::vector<Counter> out;
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    out.push_back({reasons[i], i < sums.size() ? sums[i] : 0});
  }
  return out;
}

}  // namespace kernmesh::bpf
