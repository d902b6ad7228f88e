// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/traffic_watch.h"

#include <algorithm>
#include <numeric>

#include "bpf/abi/underlay.h"
#include "controller/bpf/map.h"

namespace kernmesh::bpf {
namespace {

constexpr std::uint32_t kSlotsAtOnce = 1024;

MonoTime at_boot_ns(std::uint64_t ns) { return MonoTime(std::chrono::nanoseconds(ns)); }

// Packets by all reasons of which a peer's traffic may be part: the reasons before are of what is
// left to the host. The programs count a packet after they have noted its traffic.
Result<std::uint64_t> peers_packets(int counters_fd) {
  MESH_TRY_ASSIGN(const auto packets, sums_over_cpus(counters_fd, MESH_UNDERLAY_REASON_COUNT));
  const auto others = std::min<std::size_t>(MESH_UNDERLAY_IN_ADDRESS, packets.size());
  return std::accumulate(packets.begin() + static_cast<std::ptrdiff_t>(others), packets.end(),
                         std::uint64_t{0});
}

}  // namespace

void TrafficWatch::put(std::uint32_t slot, std::uint32_t synth_be) {
  put(slot, {.synth_be = synth_be});
}

void TrafficWatch::put_relayed(std::uint32_t slot, std::uint32_t synth_be) {
  put(slot, {.synth_be = synth_be, .is_relayed = true});
}

void TrafficWatch::put(std::uint32_t slot, Slot value) {
  if (slot >= slots_.size()) slots_.resize(slot + 1);
  slots_[slot] = value;
  packets_.reset();
}

void TrafficWatch::forget(std::uint32_t slot) {
  if (slot >= slots_.size()) return;
  times_.erase(slots_[slot].synth_be);
  slots_[slot] = {};
}

Status TrafficWatch::read_slots(int traffic_fd, std::vector<std::uint32_t>& changed) {
  std::vector<std::uint32_t> numbers(kSlotsAtOnce);
  std::vector<mesh_traffic> values(kSlotsAtOnce);
  std::uint32_t place = 0;
  for (std::uint32_t first = 0; first < slots_.size();) {
    auto got =
        static_cast<std::uint32_t>(std::min<std::size_t>(kSlotsAtOnce, slots_.size() - first));
    const int e = bpf_map_lookup_batch(traffic_fd, first == 0 ? nullptr : &place, &place,
                                       numbers.data(), values.data(), &got, nullptr);
    // The end of the map comes with the last entries.
    if (e != 0 && errno != ENOENT) return Error::from_errno("read map traffic", errno);
    for (std::uint32_t i = 0; i < got; ++i) {
      Slot& slot = slots_[numbers[i]];
      if (slot.synth_be == 0 ||
          (slot.rx_ns == values[i].rx_last_ns && slot.tx_ns == values[i].tx_last_ns))
        continue;
      slot.rx_ns = values[i].rx_last_ns;
      slot.tx_ns = values[i].tx_last_ns;
      changed.push_back(numbers[i]);
    }
    if (e != 0 || got == 0) break;
    first += got;
  }
  return {};
}

Result<std::vector<std::pair<std::uint32_t, TrafficTimes>>> TrafficWatch::moved(int traffic_fd,
                                                                                int counters_fd) {
  std::vector<std::pair<std::uint32_t, TrafficTimes>> out;
  MESH_TRY_ASSIGN(const std::uint64_t packets, peers_packets(counters_fd));
  if (packets == packets_) return out;
  std::vector<std::uint32_t> changed;
  MESH_TRY(read_slots(traffic_fd, changed));
  packets_ = packets;
  std::vector<std::uint32_t> peers;
  for (const std::uint32_t number : changed) {
    const Slot& slot = slots_[number];
    TrafficTimes& times = times_[slot.synth_be];
    if (slot.is_relayed) {
      times.rx_relayed = at_boot_ns(slot.rx_ns);
    } else {
      times.rx = at_boot_ns(slot.rx_ns);
      times.tx = at_boot_ns(slot.tx_ns);
    }
    peers.push_back(slot.synth_be);
  }
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  out.reserve(peers.size());
  for (const std::uint32_t peer : peers) out.emplace_back(peer, times_.at(peer));
  return out;
}

}  // namespace kernmesh::bpf
