// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/population.h"

#include <algorithm>

#include "controller/core/policy/any_source.h"

namespace kernmesh::policy {
namespace {

bool approves(const std::vector<Identity>& approvers, const Subject& subject) {
  return std::any_of(approvers.begin(), approvers.end(),
                     [&](const Identity& approver) { return matches(approver, subject); });
}

bool holds_subnet(const Prefix& outer, const Prefix& inner) {
  return outer.length() <= inner.length() && outer.overlaps(inner);
}

bool approves_route(const CompiledPolicy& policy, const Prefix& route, const Subject& subject) {
  if (is_exit_route(route)) return approves(policy.exit_approvers, subject);
  return std::any_of(
      policy.route_approvals.begin(), policy.route_approvals.end(), [&](const Approval& approval) {
        return holds_subnet(approval.prefix, route) && approves(approval.approvers, subject);
      });
}

}  // namespace

Population::Population(std::shared_ptr<const CompiledPolicy> policy,
                       const std::vector<Prefix>& overlay)
    : policy_(std::move(policy)), overlay_(any_of(overlay)), sets_(policy_->sets.size()) {
  for (std::uint32_t i = 0; i < sets_.size(); ++i) {
    const auto& set = policy_->sets[i];
    sets_[i].addresses = addresses_of(set);
    if (!set.postures.empty() && !set.addresses.empty()) postured_.push_back(i);
    if (set.wildcard && set.postures.empty()) wildcards_.push_back(i);
  }
}

Population::Population(const Population& other, std::shared_ptr<const CompiledPolicy> policy)
    : Population(std::move(policy), {}) {
  overlay_ = other.overlay_;
  members_ = other.members_;
  free_ = other.free_;
  index_ = other.index_;
  users_ = other.users_;
  untagged_ = other.untagged_;
  everybody_ = other.everybody_;
  for (NodeIndex i = 0; i < members_.size(); ++i) {
    if (!members_[i].present) continue;
    members_[i].sets.clear();
    approve(members_[i]);
    exits_.assign(i, !members_[i].exit_routes.empty());
    if (!members_[i].subnet_routes.empty()) routers_[members_[i].node.id] = i;
  }
  for (std::uint32_t i = 0; i < sets_.size(); ++i) {
    sets_[i].addresses = addresses_of(policy_->sets[i]);
  }
  SetChanges unused;
  everybody_.for_each([&](NodeIndex index) { evaluate(index, {}, unused); });
}

std::optional<std::vector<MembershipStep>> Population::plan_redefinition(
    const CompiledPolicy& policy) const {
  const auto same_set = [](const SetDefinition& a, const SetDefinition& b) {
    return a.id == b.id && a.wildcard == b.wildcard && a.addresses == b.addresses &&
           a.postures == b.postures;
  };
  const auto same_rule = [](const CompiledRule& a, const CompiledRule& b) {
    return a.id == b.id && a.self_id == b.self_id;
  };
  if (!std::equal(policy.sets.begin(), policy.sets.end(), policy_->sets.begin(),
                  policy_->sets.end(), same_set) ||
      !std::equal(policy.rules.begin(), policy.rules.end(), policy_->rules.begin(),
                  policy_->rules.end(), same_rule) ||
      policy.postures != policy_->postures || policy.route_approvals != policy_->route_approvals ||
      policy.exit_approvers != policy_->exit_approvers) {
    return std::nullopt;
  }
  std::vector<std::uint32_t> redefined;
  for (std::uint32_t i = 0; i < sets_.size(); ++i) {
    if (policy.sets[i].identity != policy_->sets[i].identity) redefined.push_back(i);
  }
  std::vector<MembershipStep> plan;
  if (redefined.empty()) return plan;
  everybody_.for_each([&](NodeIndex index) {
    const Subject subject(members_[index].node, user_of(index));
    for (const auto set : redefined) {
      const bool joined = is_member(policy.sets[set], subject);
      if (joined != sets_[set].members.contains(index)) plan.push_back({set, index, joined});
    }
  });
  return plan;
}

SetChanges Population::redefine(std::shared_ptr<const CompiledPolicy> policy,
                                const std::vector<MembershipStep>& plan) {
  policy_ = std::move(policy);
  SetChanges changes{plan, {}, false};
  for (const auto& step : plan) {
    sets_[step.set].members.assign(step.node, step.joined);
    set_touch(step.node, step.set);
  }
  meet_overlay_routes(kNoNode, changes);
  return changes;
}

NodeIndex Population::find(NodeId id) const {
  const auto found = index_.find(id);
  return found == index_.end() ? kNoNode : found->second;
}

NodeIndex Population::index_for(NodeId id) {
  if (const NodeIndex known = find(id); known != kNoNode) return known;
  NodeIndex index = static_cast<NodeIndex>(members_.size());
  if (free_.empty()) {
    members_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
    members_[index] = Member();
  }
  index_.emplace(id, index);
  return index;
}

const User* Population::user_of(NodeIndex index) const {
  const auto& node = members_[index].node;
  const auto found = users_.find(node.user);
  return !node.tags.empty() || found == users_.end() ? nullptr : &found->second;
}

NodeSet Population::own_nodes(NodeIndex index) const {
  const User* user = user_of(index);
  const auto found = user == nullptr ? untagged_.end() : untagged_.find(user->id);
  return found == untagged_.end() ? NodeSet() : found->second;
}

bool Population::routes_overlay(NodeIndex index) const {
  const auto& routes = members_[index].subnet_routes;
  return std::any_of(routes.begin(), routes.end(),
                     [&](const Prefix& route) { return overlay_.overlaps(route); });
}

void Population::approve(Member& member) const {
  const Node& node = member.node;
  const auto user = users_.find(node.user);
  const Subject subject(node, user == users_.end() ? nullptr : &user->second);
  member.subnet_routes.clear();
  member.exit_routes.clear();
  for (const auto& route : node.routes_advertised) {
    auto& routes = is_exit_route(route) ? member.exit_routes : member.subnet_routes;
    const bool by_hand = std::find(node.routes_approved.begin(), node.routes_approved.end(),
                                   route) != node.routes_approved.end();
    const bool repeated = std::find(routes.begin(), routes.end(), route) != routes.end();
    if (!repeated && (by_hand || approves_route(*policy_, route, subject))) routes.push_back(route);
  }
}

bool Population::passes_postures(const SetDefinition& set, const Node& node) const {
  return set.postures.empty() ||
         std::any_of(set.postures.begin(), set.postures.end(), [&](std::uint32_t posture) {
           return policy::holds(policy_->postures[posture], node.attributes);
         });
}

bool Population::is_member(const SetDefinition& set, const Subject& subject) const {
  if (set.identity.kind == IdentityKind::kNone && !(set.wildcard && !set.postures.empty())) {
    return false;
  }
  return (set.wildcard || matches(set.identity, subject)) && passes_postures(set, subject.node);
}

bool Population::meets(std::uint32_t set, const Prefix& prefix) const {
  const SetValue& value = sets_[set];
  if (value.addresses.overlaps(prefix)) return true;
  if (!overlay_.overlaps(prefix)) return false;
  return value.members.any_of([&](NodeIndex index) {
    const auto& addresses = members_[index].node.addresses;
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const IpAddress& address) { return prefix.contains(address); });
  });
}

bool Population::holds(std::uint32_t set, NodeIndex node) const {
  const auto& own = members_[node].node.addresses;
  return sets_[set].members.contains(node) ||
         std::any_of(own.begin(), own.end(), [&](const IpAddress& address) {
           return sets_[set].addresses.contains(address);
         });
}

bool Population::is_near(std::uint32_t set, const Member& member) const {
  const AddressSet& addresses = sets_[set].addresses;
  return std::any_of(member.node.addresses.begin(), member.node.addresses.end(),
                     [&](const IpAddress& address) { return addresses.contains(address); }) ||
         std::any_of(member.subnet_routes.begin(), member.subnet_routes.end(),
                     [&](const Prefix& route) { return meets(set, route); });
}

AddressSet Population::addresses_of(const SetDefinition& set) const {
  // With postures: those of the nodes that hold them, see follow().
  if (!set.postures.empty()) return {};
  AddressSet addresses = set.addresses;
  if (!set.wildcard) return addresses;
  addresses.add(overlay_);
  std::vector<Prefix> routes;
  for (const auto& [id, index] : routers_) {
    const auto& own = members_[index].subnet_routes;
    routes.insert(routes.end(), own.begin(), own.end());
  }
  addresses.add(AddressSet(routes));
  return addresses;
}

void Population::set_touch(NodeIndex index, std::uint32_t set) {
  auto& sets = members_[index].sets;
  const auto place = std::lower_bound(sets.begin(), sets.end(), set);
  const bool listed = place != sets.end() && *place == set;
  const bool touches = sets_[set].touches(index);
  if (touches && !listed) sets.insert(place, set);
  if (!touches && listed) sets.erase(place);
}

void Population::readdress(std::uint32_t set, NodeIndex cause, SetChanges& changes) {
  const auto& definition = policy_->sets[set];
  AddressSet addresses = addresses_of(definition);
  if (addresses == sets_[set].addresses) return;
  sets_[set].addresses = std::move(addresses);
  changes.readdressed.push_back(set);
  for (NodeIndex i = 0; i < members_.size(); ++i) {
    if (!members_[i].present) continue;
    const bool near = is_near(set, members_[i]);
    if (!sets_[set].near.assign(i, near)) continue;
    set_touch(i, set);
    changes.rippled = changes.rippled || i != cause;
  }
}

Population::Former Population::former_of(const Member& member) {
  return member.present ? Former{member.node.addresses, member.subnet_routes} : Former();
}

// Addresses of a set with literal ones and postures: a device's posture says nothing of addresses
// that are no device's, so that they come and go with the nodes, one at a time.
void Population::follow(NodeIndex index, std::uint32_t set, const std::vector<IpAddress>& former,
                        SetChanges& changes) {
  const SetDefinition& definition = policy_->sets[set];
  const Member& member = members_[index];
  AddressSet& addresses = sets_[set].addresses;
  const bool passes = member.present && passes_postures(definition, member.node);
  const auto& own = member.node.addresses;
  bool changed = false;
  for (const auto& address : former) {
    const bool stays = passes && std::find(own.begin(), own.end(), address) != own.end();
    if (stays || !addresses.contains(address)) continue;
    addresses.remove(Prefix::host(address));
    changed = true;
  }
  for (const auto& address : own) {
    if (!passes || !definition.addresses.contains(address) || addresses.contains(address)) continue;
    addresses.add(Prefix::host(address));
    changed = true;
  }
  if (changed) changes.readdressed.push_back(set);
}

// Everything that follows from members_[index] as it is now.
void Population::evaluate(NodeIndex index, const Former& former, SetChanges& changes) {
  for (const auto set : postured_) follow(index, set, former.addresses, changes);
  const Member& member = members_[index];
  const Subject subject(member.node, user_of(index));
  for (std::uint32_t i = 0; i < sets_.size(); ++i) {
    const bool joined = member.present && is_member(policy_->sets[i], subject);
    const bool changed = sets_[i].members.assign(index, joined);
    if (changed) changes.memberships.push_back({i, index, joined});
    const bool near = member.present && is_near(i, member);
    if (sets_[i].near.assign(index, near) || changed) set_touch(index, i);
  }
  if (member.subnet_routes != former.subnet_routes) {
    for (const auto set : wildcards_) readdress(set, index, changes);
  }
  meet_overlay_routes(index, changes);
}

// A router of overlay addresses meets sets by their members.
void Population::meet_overlay_routes(NodeIndex cause, SetChanges& changes) {
  for (const auto& [id, router] : routers_) {
    if (!routes_overlay(router)) continue;
    for (std::uint32_t i = 0; i < sets_.size(); ++i) {
      const bool near = is_near(i, members_[router]);
      if (!sets_[i].near.assign(router, near)) continue;
      set_touch(router, i);
      changes.rippled = changes.rippled || router != cause;
    }
  }
}

SetChanges Population::put(const Node& node) {
  const NodeIndex index = index_for(node.id);
  Member& member = members_[index];
  const Former former = former_of(member);
  if (const User* before = member.present ? user_of(index) : nullptr) {
    untagged_[before->id].assign(index, false);
  }
  member.node = node;
  member.present = true;
  approve(member);
  everybody_.insert(index);
  exits_.assign(index, !member.exit_routes.empty());
  if (member.subnet_routes.empty()) {
    routers_.erase(node.id);
  } else {
    routers_[node.id] = index;
  }
  if (const User* user = user_of(index)) untagged_[user->id].insert(index);
  SetChanges changes;
  evaluate(index, former, changes);
  return changes;
}

SetChanges Population::remove(NodeId id) {
  SetChanges changes;
  const NodeIndex index = find(id);
  if (index == kNoNode) return changes;
  if (const User* user = user_of(index)) untagged_[user->id].assign(index, false);
  const Former former = former_of(members_[index]);
  members_[index].present = false;
  members_[index].subnet_routes.clear();
  members_[index].exit_routes.clear();
  everybody_.assign(index, false);
  exits_.assign(index, false);
  routers_.erase(id);
  evaluate(index, former, changes);
  index_.erase(id);
  return changes;
}

SetChanges Population::put(const User& user) {
  users_.insert_or_assign(user.id, user);
  SetChanges changes;
  for (NodeIndex i = 0; i < members_.size(); ++i) {
    if (!members_[i].present || members_[i].node.user != user.id) continue;
    const Node node = members_[i].node;
    auto more = put(node);
    changes.memberships.insert(changes.memberships.end(), more.memberships.begin(),
                               more.memberships.end());
    changes.readdressed.insert(changes.readdressed.end(), more.readdressed.begin(),
                               more.readdressed.end());
    changes.rippled = changes.rippled || more.rippled;
  }
  return changes;
}

void Population::remove(UserId id) {
  users_.erase(id);
  untagged_.erase(id);
}

}  // namespace kernmesh::policy
