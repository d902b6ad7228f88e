// SPDX-License-Identifier: Apache-2.0
// What the policy says of one packet, and why (L1, pure): for tests of a policy and for explaining.
// Asks the policy as a whole; whether somebody routes the destination is not part of it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/core/policy/packet.h"
#include "controller/core/policy/population.h"

namespace kernmesh::policy {

// Of a rule that does not admit a packet, what fits and what does not.
struct NearMiss {
  std::uint32_t rule = 0;  // index into CompiledPolicy::rules
  bool source = false;
  bool destination = false;
  bool service = false;  // at a destination that fits, or at any when none does
};

struct Decision {
  std::optional<std::uint32_t> rule;  // the first that admits it; nothing: denied
  std::vector<NearMiss> near_misses;  // when denied: rules of which two things fit, file order
};

class Decider {
 public:
  explicit Decider(const Population& population);  // borrowed; unchanged while this is used

  Decision decide(const Packet& packet) const;
  bool admits(const Packet& packet) const { return decide(packet).rule.has_value(); }
  // The node that has the address, or Population::kNoNode.
  NodeIndex owner_of(const IpAddress& address) const;

 private:
  bool in_set(std::uint32_t set, const IpAddress& address, NodeIndex owner) const;
  bool at_destination(const CompiledDestination& to, const Packet& packet, NodeIndex source,
                      NodeIndex destination) const;

  const Population& population_;
  std::unordered_map<IpAddress, NodeIndex> owners_;
};

// Whether the services of a rule at a destination hold the packet's protocol and port.
bool opens(const CompiledRule& rule, const CompiledDestination& to, const Packet& packet);

}  // namespace kernmesh::policy
