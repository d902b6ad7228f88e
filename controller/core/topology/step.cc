// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/step.h"

#include <algorithm>

namespace kernmesh::topology {
namespace {

template <typename Item>
const Item* find_by_id(const std::vector<Item>& ascending, decltype(Item::id) id) {
  const auto found =
      std::lower_bound(ascending.begin(), ascending.end(), id,
                       [](const Item& item, auto wanted) { return item.id < wanted; });
  return found == ascending.end() || found->id != id ? nullptr : &*found;
}

}  // namespace

bool may_concern(const Step& step, NodeId viewer, NodeIndex index) {
  const auto concerns = [&](const NodeStep& node) {
    if (node.id == viewer) {
      return node.state_changed || node.self_changed || !node.slice.empty() ||
             node.seen_before != node.seen_after;
    }
    const bool before = node.seen_before.contains(index), after = node.seen_after.contains(index);
    return before != after || (after && node.looks_different());
  };
  const auto is_told = [&](const MembershipStep& change) {
    return change.audience->contains(index);
  };
  const auto is_readdressed = [&](const AddressStep& change) {
    return change.audience.contains(index);
  };
  const auto is_affected = [&](const PolicyStep& policy) {
    return policy.affected.contains(index);
  };
  return step.opaque || std::any_of(step.nodes.begin(), step.nodes.end(), concerns) ||
         std::any_of(step.memberships.begin(), step.memberships.end(), is_told) ||
         std::any_of(step.addresses.begin(), step.addresses.end(), is_readdressed) ||
         std::any_of(step.policies.begin(), step.policies.end(), is_affected);
}

SliceChange difference(const policy::Slice& from, const policy::Slice& to) {
  SliceChange change;
  for (const auto& rule : to.rules) {
    const auto* held = find_by_id(from.rules, rule.id);
    if (held == nullptr || !same_meaning(*held, rule)) change.upserted_rules.push_back(rule);
  }
  for (const auto& rule : from.rules) {
    if (find_by_id(to.rules, rule.id) == nullptr) change.removed_rules.push_back(rule.id);
  }
  for (const auto& set : to.sets) {
    const auto* held = find_by_id(from.sets, set.id);
    if (held == nullptr || *held != set) change.upserted_sets.push_back(set);
  }
  return change;
}

}  // namespace kernmesh::topology
