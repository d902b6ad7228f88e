// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/home.h"

#include <algorithm>
#include <tuple>

namespace kernmesh::relay {

std::optional<RelayId> home_relay(std::optional<RelayId> held,
                                  std::span<const RelayLatency> answered) {
  const auto nearest = std::min_element(
      answered.begin(), answered.end(), [](const RelayLatency& a, const RelayLatency& b) {
        return std::tie(a.round_trip, a.relay) < std::tie(b.round_trip, b.relay);
      });
  if (nearest == answered.end()) return held;
  const auto kept = std::find_if(answered.begin(), answered.end(),
                                 [&](const RelayLatency& l) { return l.relay == held; });
  if (kept == answered.end()) return nearest->relay;
  const Duration gain = kept->round_trip - nearest->round_trip;
  const bool worth_it = gain >= kLeastGain && gain * kLeastGainFraction >= kept->round_trip;
  return worth_it ? nearest->relay : kept->relay;
}

}  // namespace kernmesh::relay
