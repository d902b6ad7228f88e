// SPDX-License-Identifier: Apache-2.0
// A bad link (test support; pure): loses, delays and reorders what passes, by a seed. Bounded: a
// full link loses what comes. Not thread-safe.
#pragma once

#include <algorithm>
#include <optional>
#include <queue>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/base/clock.h"

namespace kernmesh::nat {

struct Shaping {
  double loss = 0;       // share of packets
  Duration delay{};      // of all
  Duration jitter{};     // up to so much more, in order
  double reordered = 0;  // share of packets that jitter spares, so that they overtake others
};

template <typename Packet>
class Shaper {
 public:
  static constexpr std::size_t kMostPackets = 20'000;

  Shaper(const Shaping& shaping, std::uint32_t seed) : shaping_(shaping), random_(seed) {}

  void put(MonoTime now, Packet packet) {
    std::uniform_real_distribution<> chance(0, 1);
    if (chance(random_) < shaping_.loss || waiting_.size() == kMostPackets) return;
    MonoTime at = now + shaping_.delay;
    if (chance(random_) >= shaping_.reordered) {
      const auto jitter = shaping_.jitter * chance(random_);
      at = std::max(last_, at + std::chrono::duration_cast<Duration>(jitter));
      last_ = at;
    }
    waiting_.push({at, ++order_, std::move(packet)});
  }
  // What has arrived by now, in the order of arriving.
  std::optional<Packet> take(MonoTime now) {
    if (waiting_.empty() || waiting_.top().at > now) return std::nullopt;
    Packet packet = waiting_.top().packet;
    waiting_.pop();
    return packet;
  }
  std::optional<MonoTime> next() const {
    if (waiting_.empty()) return std::nullopt;
    return waiting_.top().at;
  }

 private:
  struct Waiting {
    MonoTime at;
    std::uint64_t order;
    Packet packet;
    bool operator>(const Waiting& o) const { return std::tie(at, order) > std::tie(o.at, o.order); }
  };

  Shaping shaping_;
  std::mt19937 random_;
  MonoTime last_{};
  std::uint64_t order_ = 0;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
};

}  // namespace kernmesh::nat
