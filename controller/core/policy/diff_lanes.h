// SPDX-License-Identifier: Apache-2.0
// Two policies over one network in a form in which they can be compared (L1, pure): lanes, each one
// opening of a rule, over the sets of both policies.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/core/policy/population.h"

namespace kernmesh::policy {

// What a lane opens that is not about packets: no rule can name this protocol.
inline constexpr std::uint8_t kNoProtocol = 0;

// By protocol; ports sorted and merged.
using Openings = std::map<std::uint8_t, std::vector<PortRange>>;

void open(Openings& openings, const CompiledRule& rule, const CompiledDestination& to);
// What of `from` is not in `taken`.
Openings without(const Openings& from, const Openings& taken);
// Sorts and joins ranges that overlap or touch.
void merge(Openings& openings);
std::vector<Service> services_of(const Openings& openings);

// A set of either policy; the same set of both only once when it comes to the same.
struct ComparedSet {
  const SetDefinition* definition = nullptr;
  const SetValue* value = nullptr;
};

struct Lane {
  std::vector<std::uint32_t> sources;       // indices into ComparedPolicies::sets
  std::vector<std::uint32_t> destinations;  // likewise
  bool to_any = false, to_internet = false, to_self = false;
  Openings openings;
  std::string terms;  // of diff_terms.h; empty: packets may pass, whatever their way
  bool before = false, after = false;  // which of the policies has it
};

struct ComparedPolicies {
  std::vector<ComparedSet> sets;
  std::vector<Lane> lanes;
};

// Borrows the populations, which hold the same nodes under the same indices.
ComparedPolicies compare(const Population& before, const Population& after);

}  // namespace kernmesh::policy
