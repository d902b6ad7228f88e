// SPDX-License-Identifier: Apache-2.0
// A rule of a netmap in words for people, and the rules that nearly admit a packet (L1, pure).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "controller/core/netmap/netmap.h"
#include "controller/core/policy/packet.h"

namespace kernmesh::netmap {

struct RuleWords {
  std::vector<std::string> sources;  // "*", names of nodes, then prefixes; the first ones
  std::uint32_t source_count = 0;    // all of them
  std::vector<std::string> destinations;
  std::vector<std::string> services;  // "tcp/80-443", "icmp", "*"
};

// Each text stands once, in the order of the rule.
RuleWords words_of(const Netmap& map, const Rule& rule, std::size_t most_sources);

// Of the rules that open something, ascending by id; a rule that admits the packet is in both.
struct NearRules {
  std::vector<const Rule*> from_source;     // have its source
  std::vector<const Rule*> to_destination;  // open its port at its destination
};

// Borrowed from the map.
NearRules near_rules(const Netmap& map, const policy::Packet& packet);

// Null: no peer has the address.
const Peer* owner_of(const Netmap& map, const IpAddress& address);

}  // namespace kernmesh::netmap
