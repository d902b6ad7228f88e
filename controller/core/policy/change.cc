// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/change.h"

#include <unordered_map>
#include <unordered_set>

#include "controller/core/policy/reach.h"

namespace kernmesh::policy {
namespace {

std::unordered_set<RuleId> ids_of(const CompiledPolicy& policy) {
  std::unordered_set<RuleId> ids;
  for (const auto& rule : policy.rules) ids.insert(rule.id);
  return ids;
}

// Rules of the population's policy that are not among `known`; those they concern join `nodes`.
std::size_t count_others(const Population& population, const std::unordered_set<RuleId>& known,
                         NodeSet& nodes) {
  const Reach reach(population);
  std::size_t count = 0;
  const auto& rules = population.policy().rules;
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    if (known.contains(rules[i].id)) continue;
    ++count;
    nodes |= reach.involved(i);
  }
  return count;
}

// Nodes that joined or left a set which both policies have, and those who are told of it.
void add_moved(const Population& before, const Population& after, NodeSet& nodes) {
  std::unordered_map<std::string_view, std::uint32_t> known;
  const auto& sets = before.policy().sets;
  for (std::uint32_t i = 0; i < sets.size(); ++i) known.emplace(sets[i].name, i);
  const Reach reach(after);
  for (std::uint32_t i = 0; i < after.policy().sets.size(); ++i) {
    const auto found = known.find(after.policy().sets[i].name);
    if (found == known.end() || before.set(found->second) == after.set(i)) continue;
    nodes |= reach.audience_of(i);
    const auto& was = before.set(found->second).members;
    const auto& is = after.set(i).members;
    after.everybody().for_each([&](NodeIndex node) {
      if (was.contains(node) != is.contains(node)) nodes.insert(node);
    });
  }
}

}  // namespace

Change count_change(const std::shared_ptr<const CompiledPolicy>& before,
                    const std::shared_ptr<const CompiledPolicy>& after,
                    const Inventory& inventory) {
  Population old_network(before, inventory.overlay);
  for (const auto& user : inventory.users) old_network.put(user);
  for (const auto& node : inventory.nodes) old_network.put(node);
  const Population new_network(old_network, after);
  NodeSet nodes;
  Change change;
  change.rules_added = count_others(new_network, ids_of(*before), nodes);
  change.rules_removed = count_others(old_network, ids_of(*after), nodes);
  add_moved(old_network, new_network, nodes);
  change.nodes = nodes.size();
  return change;
}

}  // namespace kernmesh::policy
