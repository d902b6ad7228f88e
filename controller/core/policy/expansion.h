// SPDX-License-Identifier: Apache-2.0
// A slice written out in addresses (L1, pure): for people, other tools and comparison. Agents are
// given slices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/core/policy/population.h"
#include "controller/core/policy/slice.h"

namespace kernmesh::policy {

struct FilterDestination {
  Prefix prefix;
  PortRange ports;
};

// Every source may reach every destination by every protocol.
struct FilterRule {
  RuleId id;
  std::uint32_t line = 0;
  std::vector<Prefix> sources;
  std::vector<FilterDestination> destinations;
  std::vector<std::uint8_t> protocols;
};

struct CapabilityRule {
  std::vector<Prefix> sources;
  std::vector<Prefix> destinations;  // own addresses of the node
  std::vector<Capability> capabilities;
};

struct Expansion {
  std::vector<FilterRule> filter;
  std::vector<CapabilityRule> capabilities;
};

// `slice` is the node's. Rules whose sets are empty are left out.
Expansion expand(const Slice& slice, const Population& population, NodeIndex node);

}  // namespace kernmesh::policy
