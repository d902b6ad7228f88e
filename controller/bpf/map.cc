// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/map.h"

#include <numeric>

namespace kernmesh::bpf {

Result<std::vector<std::uint64_t>> sums_over_cpus(int fd, std::uint32_t entries) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return Error::from_errno("count CPUs", -cpus);
  std::vector<std::uint32_t> keys(entries);
  std::vector<std::uint64_t> values(std::size_t{entries} * static_cast<std::size_t>(cpus));
  std::uint32_t place = 0, got = entries;
  const int e =
      bpf_map_lookup_batch(fd, nullptr, &place, keys.data(), values.data(), &got, nullptr);
  // The end of the map comes with the last entries.
  if (e != 0 && errno != ENOENT) return Error::from_errno("read per-CPU map", errno);
  std::vector<std::uint64_t> sums;
  for (auto value = values.begin(); sums.size() < got; value += cpus) {
    sums.push_back(std::accumulate(value, value + cpus, std::uint64_t{0}));
  }
  return sums;
}

}  // namespace kernmesh::bpf
