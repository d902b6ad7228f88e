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
