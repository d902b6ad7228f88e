// SPDX-License-Identifier: Apache-2.0
// Whose traffic has moved (L2): reads the underlay's `traffic` array in batches, and only when the
// programs have counted a packet that it can be of, so that silent peers cost nothing however many
// there are. Not thread-safe; borrows the maps' descriptors.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace kernmesh::bpf {

// When a peer's packets came and went last; epoch 0: never. rx: on direct ways alone.
struct TrafficTimes {
  MonoTime rx{}, rx_relayed{}, tx{};
  bool operator==(const TrafficTimes&) const = default;
};

class TrafficWatch {
 public:
  // From now on the slot counts for this peer (network order); what it says now is news.
  void put(std::uint32_t slot, std::uint32_t synth_be);
  void put_relayed(std::uint32_t slot, std::uint32_t synth_be);
  void forget(std::uint32_t slot);

  // The peers of which something came or went since the last call, with all their times.
  Result<std::vector<std::pair<std::uint32_t, TrafficTimes>>> moved(int traffic_fd,
                                                                    int counters_fd);

 private:
  struct Slot {
    std::uint32_t synth_be = 0;  // 0: counts for nobody
    bool is_relayed = false;
    std::uint64_t rx_ns = 0, tx_ns = 0;  // as last read
  };
  void put(std::uint32_t slot, Slot value);
  Status read_slots(int traffic_fd, std::vector<std::uint32_t>& changed);

  std::vector<Slot> slots_;  // by number
  std::unordered_map<std::uint32_t, TrafficTimes> times_;
  std::optional<std::uint64_t> packets_;  // none: read, whatever was counted
};

}  // namespace kernmesh::bpf
