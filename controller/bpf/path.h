// SPDX-License-Identifier: Apache-2.0
// Ways to peers and what they carried, as the underlay's maps have them (L2, plain values).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"

namespace kernmesh::bpf {

// One way to a peer.
struct Hop {
  IfIndex interface;            // the route to destination.address must lead through it
  IpAddress source;             // our address, of the destination's family
  Endpoint destination;         // the peer's, or the relay's
  std::uint16_t mtu_bytes = 0;  // largest IP packet that fits; 0: not checked
  std::uint32_t channel = 0;    // 0: direct; else the relay's channel
  bool operator==(const Hop&) const = default;
};

enum class Use : std::uint8_t { kPrimary = 1, kSecondary = 2, kBoth = 3 };

struct Path {
  Hop primary;
  std::optional<Hop> secondary;
  Use use = Use::kPrimary;
  MonoTime deadline{};  // past it packets take both; epoch 0: never
  bool operator==(const Path&) const = default;
};

// Who sends from there; channel 0: direct.
struct Source {
  Endpoint endpoint;
  std::uint32_t channel = 0;
  auto operator<=>(const Source&) const = default;
};

// Sums over all CPUs. Received packets are counted before WireGuard has authenticated them.
struct Traffic {
  std::uint64_t rx_pkts = 0, rx_bytes = 0, tx_pkts = 0, tx_bytes = 0;  // bytes of UDP payload
  MonoTime rx_last{}, rx_last_relayed{}, tx_last{};  // epoch 0: never; rx_last: direct ways alone
};

}  // namespace kernmesh::bpf
