// SPDX-License-Identifier: Apache-2.0
// How the network changes, and what of it is recorded for views that are to follow (L1, pure).
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "controller/core/policy/slicing.h"
#include "controller/core/topology/network.h"

namespace kernmesh::topology {
namespace {

// A group that changes for more nodes than these is followed as a new policy is.
constexpr std::size_t kMostRegrouped = 64;

using OwnSets = std::map<netmap::SetId, NodeSet>;  // and who is told of them

// Sets of "its user's own devices" that the node is in.
OwnSets own_sets_of(const PolicyView& view, NodeIndex index) {
  OwnSets sets;
  const policy::User* user = view.population.user_of(index);
  if (user == nullptr) return sets;
  for (const auto set : view.reach.self_sources()) {
    if (!view.population.set(set).touches(index)) continue;
    sets.emplace(policy::own_set_id(view.population.policy().sets[set], user->id),
                 view.population.own_nodes(index));
  }
  return sets;
}

// Sets of either policy that do not come to the same.
std::set<netmap::SetId> changed_sets(const policy::Population& from, const policy::Population& to) {
  std::map<netmap::SetId, std::uint32_t> old;
  for (std::uint32_t i = 0; i < from.policy().sets.size(); ++i) {
    old.emplace(from.policy().sets[i].id, i);
  }
  std::set<netmap::SetId> changed;
  for (std::uint32_t i = 0; i < to.policy().sets.size(); ++i) {
    const auto id = to.policy().sets[i].id;
    const auto before = old.find(id);
    if (before == old.end() || from.set(before->second) != to.set(i)) changed.insert(id);
  }
  return changed;
}

// Nodes that a rule connects which `other` has not, or which names one of the sets.
NodeSet touched_by(const PolicyView& view, const policy::CompiledPolicy& other,
                   const std::set<netmap::SetId>& sets) {
  std::set<RuleId> known;
  for (const auto& rule : other.rules) known.insert(rule.id);
  const auto& policy = view.population.policy();
  NodeSet touched;
  for (std::uint32_t i = 0; i < policy.rules.size(); ++i) {
    const auto& rule = policy.rules[i];
    bool changed = !known.contains(rule.id);
    for (const auto set : rule.sources) changed = changed || sets.contains(policy.sets[set].id);
    for (const auto& to : rule.destinations) {
      changed = changed ||
                (to.kind == policy::DestinationKind::kSet && sets.contains(policy.sets[to.set].id));
    }
    if (changed) touched |= view.reach.involved(i);
  }
  return touched;
}

bool same_routes(const policy::Population& from, const policy::Population& to) {
  const auto same = [](const policy::Member& a, const policy::Member& b) {
    return a.subnet_routes == b.subnet_routes && a.exit_routes == b.exit_routes;
  };
  return std::equal(from.members().begin(), from.members().end(), to.members().begin(),
                    to.members().end(), same);
}

// Whose peers, rules or sets may differ under the one and the other.
NodeSet affected_by(const PolicyView& before, const PolicyView& after) {
  const auto& from = before.population;
  const auto& to = after.population;
  if (!same_routes(from, to)) return to.everybody();
  auto sets = changed_sets(from, to);
  sets.merge(changed_sets(to, from));
  NodeSet affected = touched_by(before, to.policy(), sets);
  affected |= touched_by(after, from.policy(), sets);
  return affected;
}

std::set<NodeIndex> nodes_of(const std::vector<policy::MembershipStep>& steps) {
  std::set<NodeIndex> nodes;
  for (const auto& step : steps) nodes.insert(step.node);
  return nodes;
}

}  // namespace

struct Network::Face {
  NodeId id;
  netmap::Digest digest{};
  std::optional<NodeState> state;
  netmap::Digest self{};
  bool online = false;
  NodeSet seen;
  policy::Slice slice;
  OwnSets own_sets;
};

Network::Face Network::face_of(NodeId id) const {
  Face face{id, digest_of(id), {}, {}, false, {}, {}, {}};
  const Node* node = find(id);
  const User* user = node == nullptr ? nullptr : find_user(node->user_id);
  if (node != nullptr) {
    face.state = node->state;
    face.online = node->online;
  }
  if (user != nullptr) face.self = self_digest(to_self(*node, *user, range_));
  const NodeIndex index = population().find(id);
  if (index == policy::Population::kNoNode) return face;
  face.seen = reach().peers_of(index);
  face.slice = policy::slice_for(reach(), index);
  face.own_sets = own_sets_of(*policy_, index);
  return face;
}

// `before` is what the node was; what it is now stands in the network.
void Network::finish(const Face& before, Step& step) const {
  const Face now = face_of(before.id);
  step.nodes.push_back({before.id, before.digest, now.digest, before.state != now.state,
                        before.self != now.self, before.online != now.online, before.seen, now.seen,
                        difference(before.slice, now.slice)});
  const auto note = [&](const OwnSets& sets, const OwnSets& others, bool joined) {
    for (const auto& [set, audience] : sets) {
      if (others.contains(set)) continue;
      step.memberships.push_back(
          {set, before.id, joined, std::make_shared<const NodeSet>(audience)});
    }
  };
  note(before.own_sets, now.own_sets, /*joined=*/false);
  note(now.own_sets, before.own_sets, /*joined=*/true);
}

void Network::note_sets(const policy::SetChanges& changes, Step& step) const {
  if (changes.rippled) step.opaque = true;
  const auto& sets = population().policy().sets;
  std::map<std::uint32_t, std::shared_ptr<const NodeSet>> audiences;
  for (const auto& change : changes.memberships) {
    auto& audience = audiences[change.set];
    if (audience == nullptr) {
      audience = std::make_shared<const NodeSet>(reach().audience_of(change.set));
    }
    step.memberships.push_back(
        {sets[change.set].id, population().member(change.node).node.id, change.joined, audience});
  }
  for (const auto set : changes.readdressed) {
    step.addresses.push_back({sets[set].id, reach().audience_of(set)});
  }
}

void Network::refresh_digest(const Node& node) {
  const User* user = find_user(node.user_id);
  if (node.state == NodeState::kApproved && user != nullptr) {
    digests_[node.id] = peer_digest(to_peer(node, *user));
  } else {
    digests_.erase(node.id);
  }
}

void Network::put(const Node& node, Step& step) {
  const bool recorded = !step.opaque;
  const Face before = recorded ? face_of(node.id) : Face{node.id, {}, {}, {}, false, {}, {}, {}};
  if (const Node* old = find(node.id)) forget_indexes(*old);
  nodes_.insert_or_assign(node.id, node);
  by_machine_key_[node.machine_key] = node.id;
  by_name_[node.name] = node.id;
  for (const auto& address : node.addresses) by_address_[address] = node.id;
  refresh_digest(node);
  auto& nodes = policy_->population;
  const NodeIndex index = nodes.find(node.id);
  const bool known = index != policy::Population::kNoNode;
  policy::SetChanges changes;
  if (digests_.contains(node.id)) {
    auto now = to_policy(node);
    if (!known || nodes.member(index).node != now) changes = nodes.put(now);
  } else if (known) {
    changes = nodes.remove(node.id);
    step.retired_indices.push_back(index);
  }
  if (!recorded) return;
  note_sets(changes, step);
  finish(before, step);
}

void Network::remove(NodeId id, Step& step) {
  const Node* old = find(id);
  if (old == nullptr) return;
  const bool recorded = !step.opaque;
  const Face before = recorded ? face_of(id) : Face{id, {}, {}, {}, false, {}, {}, {}};
  const NodeIndex index = population().find(id);
  forget_indexes(*old);
  nodes_.erase(id);
  digests_.erase(id);
  const auto changes = policy_->population.remove(id);
  if (index != policy::Population::kNoNode) step.retired_indices.push_back(index);
  if (!recorded) return;
  note_sets(changes, step);
  finish(before, step);
}

void Network::put(const User& user, Step& step) {
  const User* old = find_user(user.id);
  const bool recorded = !step.opaque && old != nullptr;
  std::vector<Face> faces;
  if (recorded) {
    for (const auto& [id, node] : nodes_) {
      if (node.user_id == user.id) faces.push_back(face_of(id));
    }
  }
  users_.insert_or_assign(user.id, user);
  const auto changes = policy_->population.put(to_policy(user));
  if (old == nullptr) return;
  for (const auto& [id, node] : nodes_) {
    if (node.user_id == user.id) refresh_digest(node);
  }
  if (!recorded) return;
  note_sets(changes, step);
  for (const auto& face : faces) finish(face, step);
}

// A policy that differs only in who is in its groups is as many changes of nodes.
bool Network::regroup(const std::shared_ptr<const policy::CompiledPolicy>& policy, Step& step) {
  const auto plan = population().plan_redefinition(*policy);
  if (!plan) return false;
  const auto nodes = nodes_of(*plan);
  if (nodes.size() > kMostRegrouped) return false;
  std::vector<Face> faces;
  faces.reserve(nodes.size());
  for (const auto node : nodes) faces.push_back(face_of(population().member(node).node.id));
  note_sets(policy_->population.redefine(policy, *plan), step);
  for (const auto& face : faces) finish(face, step);
  return true;
}

PolicyPlan Network::plan(const std::shared_ptr<const policy::CompiledPolicy>& policy) const {
  PolicyPlan plan{nullptr, {}, change_count_};
  if (const auto steps = population().plan_redefinition(*policy)) {
    if (nodes_of(*steps).size() <= kMostRegrouped) return plan;
  }
  plan.view = std::make_shared<PolicyView>(policy::Population(population(), policy));
  plan.affected = affected_by(*policy_, *plan.view);
  return plan;
}

void Network::put_policy(const NetworkChange& change, PolicyPlan plan, Step& step) {
  const bool alone = change.users.empty() && change.nodes.empty() && change.removed_nodes.empty() &&
                     change.removed_users.empty();
  const bool is_ready = alone && plan.view != nullptr && plan.change_count + 1 == change_count_;
  if (!is_ready) {
    if (!step.opaque && regroup(change.policy, step)) return;
    plan.view = std::make_shared<PolicyView>(policy::Population(population(), change.policy));
    if (!step.opaque) plan.affected = affected_by(*policy_, *plan.view);
  }
  const auto before = std::exchange(policy_, std::move(plan.view));
  if (!step.opaque) step.policies.push_back({before, std::move(plan.affected)});
}

}  // namespace kernmesh::topology
