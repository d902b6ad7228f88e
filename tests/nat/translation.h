// SPDX-License-Identifier: Apache-2.0
// What a NAT does to IPv4 packets (test support; pure): UDP, TCP, ICMP echoes, and errors about
// them. Everything else ends in it, as do fragments after the first. Not thread-safe.
#pragma once

#include <optional>

#include "controller/base/byte_order.h"
#include "tests/unit/core/path/simulated_nat.h"

namespace kernmesh::nat {

enum class Side { kInside, kOutside };
enum class Udp { kPassed, kBlocked };

class Translation {
 public:
  // `outer` is its address on the outer side.
  Translation(const path::NatKind& kind, const IpAddress& outer, std::uint32_t seed,
              Udp udp = Udp::kPassed);

  struct Passed {
    Side to;
    Bytes packet;
  };
  // A packet from the inside, or from the outside, from its IPv4 header on. None: it ends here.
  std::optional<Passed> outbound(MonoTime now, Bytes packet);
  std::optional<Passed> inbound(MonoTime now, Bytes packet);
  // Another address outside; everything is forgotten.
  void rebind(const IpAddress& outer);

 private:
  path::SimulatedNat* table_of(std::uint8_t protocol);
  std::optional<Passed> error_outbound(MonoTime now, Bytes packet);
  std::optional<Passed> error_inbound(MonoTime now, Bytes packet);

  path::SimulatedNat udp_, tcp_, echoes_;
  const Udp udp_mode_;
};

}  // namespace kernmesh::nat
