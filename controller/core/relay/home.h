// SPDX-License-Identifier: Apache-2.0
// Which relay a node is at home at (L1, pure): the one where its peers find it.
#pragma once

#include <optional>
#include <span>

#include "controller/base/clock.h"
#include "controller/base/ids.h"

namespace kernmesh::relay {

using RelayId = StrongId<struct RelayIdTag, std::uint32_t>;  // 0 names no relay

// A move is told to every peer, so it has to be worth it: both of these (docs/architecture.md).
inline constexpr Duration kLeastGain = std::chrono::milliseconds(10);
inline constexpr int kLeastGainFraction = 3;

struct RelayLatency {
  RelayId relay;
  Duration round_trip{};
};

// The nearest of those that answered, lower id first among equals; the held one when it answered
// too and the gain is less than 10 ms or a third. None answered: the held one.
std::optional<RelayId> home_relay(std::optional<RelayId> held,
                                  std::span<const RelayLatency> answered);

}  // namespace kernmesh::relay
