// SPDX-License-Identifier: Apache-2.0
// How the NAT in front of this node gives out ports, as far as servers' observations tell (L1,
// pure; terms of RFC 4787), and what port it may give next.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "controller/base/ip.h"

namespace kernmesh::netcheck {

enum class Mapping : std::uint8_t {
  kUnknown,      // fewer than two servers of one family answered
  kIndependent,  // of the destination: one mapping for all, which peers can use as well
  kSequential,   // one for each destination, ports in steps that can be guessed
  kRandom,       // one for each destination, ports without a pattern
};

// A sequence of new mappings goes up by no more than this between two questions: others behind
// the same NAT open connections as well.
inline constexpr int kMostStep = 24;
inline constexpr std::size_t kGuessedPorts = 20;  // leaves room in a call for what is known
inline constexpr std::size_t kGuessedBefore = 6;  // of these: peers that were asked before servers

// `mapped`: this node's port as distinct servers of one family saw it, in the order of asking.
Mapping mapping_of(std::span<const Endpoint> mapped);

// Ports that mappings may get which are made shortly after or before these, likeliest first; none
// unless the mapping is sequential.
std::vector<Endpoint> guess_ports(std::span<const Endpoint> mapped);

}  // namespace kernmesh::netcheck
