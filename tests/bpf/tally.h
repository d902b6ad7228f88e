// SPDX-License-Identifier: Apache-2.0
// What programs have counted, and what is new since the last look (test support).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controller/bpf/counter.h"

namespace kernmesh::bpf::test {

using Tally = std::map<std::string, std::uint64_t>;  // packets of each reason's label

inline Tally tally(const std::vector<Counter>& counters) {
  Tally out;
  for (const Counter& c : counters) out[std::string(c.reason.label)] = c.packets;
  return out;
}

// What rose from `before`, which becomes `now`: "label" or "label label", "" for nothing.
inline std::string rise(Tally& before, const Tally& now) {
  std::string out;
  for (const auto& [label, packets] : now) {
    for (auto n = before[label]; n < packets; ++n) out += (out.empty() ? "" : " ") + label;
  }
  before = now;
  return out;
}

}  // namespace kernmesh::bpf::test
