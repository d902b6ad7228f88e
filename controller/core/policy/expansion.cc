// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/expansion.h"

#include <algorithm>
#include <unordered_map>

namespace kernmesh::policy {
namespace {

std::vector<Prefix> every_address() {
  return {*Prefix::parse("0.0.0.0/0"), *Prefix::parse("::/0")};
}

class Expander {
 public:
  Expander(const Slice& slice, const Population& population, NodeIndex node)
      : population_(population), node_(population.member(node).node) {
    for (const auto& set : slice.sets) sets_.emplace(set.id, &set);
  }

  void add(const SliceRule& rule) {
    const auto sources = sources_of(rule);
    if (sources.empty()) return;
    for (const auto& target : rule.targets) {
      for (const auto& service : target.services) {
        FilterRule filter{rule.id, rule.line, sources, {}, service.protocols};
        for (const auto& prefix : prefixes_of(target)) {
          for (const auto& ports : service.ports) filter.destinations.push_back({prefix, ports});
        }
        result_.filter.push_back(std::move(filter));
      }
    }
    if (rule.capabilities.empty()) return;
    CapabilityRule granted{sources, own_addresses(rule), rule.capabilities};
    if (!granted.destinations.empty()) result_.capabilities.push_back(std::move(granted));
  }

  Expansion take() { return std::move(result_); }

 private:
  std::vector<Prefix> sources_of(const SliceRule& rule) const {
    AddressSet sources;
    for (const auto id : rule.sources) {
      const SourceSet& set = *sets_.at(id);
      std::vector<Prefix> prefixes = set.prefixes;
      for (const auto member : set.members) {
        for (const auto& address : population_.member(population_.find(member)).node.addresses) {
          prefixes.push_back(Prefix::host(address));
        }
      }
      sources.add(AddressSet(prefixes));
    }
    return sources.prefixes();
  }

  std::vector<Prefix> prefixes_of(const Target& target) const {
    if (target.kind == TargetKind::kPrefixes) return target.prefixes;
    if (target.kind == TargetKind::kAny) return every_address();
    std::vector<Prefix> own;
    for (const auto& address : node_.addresses) own.push_back(Prefix::host(address));
    return own;
  }

  std::vector<Prefix> own_addresses(const SliceRule& rule) const {
    std::vector<Prefix> own;
    for (const auto& address : node_.addresses) {
      const bool meant =
          std::any_of(rule.targets.begin(), rule.targets.end(), [&](const Target& target) {
            const auto prefixes = prefixes_of(target);
            return std::any_of(prefixes.begin(), prefixes.end(),
                               [&](const Prefix& prefix) { return prefix.contains(address); });
          });
      if (meant) own.push_back(Prefix::host(address));
    }
    return own;
  }

  const Population& population_;
  const Node& node_;
  std::unordered_map<SetId, const SourceSet*> sets_;
  Expansion result_;
};

}  // namespace

Expansion expand(const Slice& slice, const Population& population, NodeIndex node) {
  Expander expander(slice, population, node);
  for (const auto& rule : slice.rules) expander.add(rule);
  return expander.take();
}

}  // namespace kernmesh::policy
