// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/population.h"

#include <algorithm>

namespace kernmesh::policy {
namespace {

// Chrome OS gives these to containers: "*" leaves them out (docs/policy.md).
constexpr const char* kLeftOutOfAny = "100.115.92.0/23";

bool approves(const std::vector<Identity>& approvers, const Subject& subject) {
  return std::any_of(approvers.begin(), approvers.end(),
                     [&](const Identity& approver) { return matches(approver, subject); });
}

bool holds_subnet(const Prefix& outer, const Prefix& inner) {
  return outer.length() <= inner.length() && outer.overlaps(inner);
}

}  // namespace

Population::Population(std::shared_ptr<const CompiledPolicy> policy, std::vector<Prefix> overlay)
    : policy_(std::move(policy)), overlay_(overlay), sets_(policy_->sets.size()) {
  overlay_.remove(*Prefix::parse(kLeftOutOfAny));
  for (std::uint32_t i = 0; i < sets_.size(); ++i) {
    const auto& set = policy_->sets[i];
    sets_[i].addresses = addresses_of(set);
    if (set.wildcard || (!set.postures.empty() && !set.addresses.empty())) dynamic_.push_back(i);
  }
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

void Population::approve(Member& member) const {
  const Node& node = member.node;
  const auto user = users_.find(node.user);
  const Subject subject(node, user == users_.end() ? nullptr : &user->second);
  member.subnet_routes.clear();
  member.exit_routes.clear();
  for (const auto& route : node.routes_advertised) {
    bool approved = std::find(node.routes_approved.begin(), node.routes_approved.end(), route) !=
                    node.routes_approved.end();
    if (is_exit_route(route)) {
      approved = approved || approves(policy_->exit_approvers, subject);
      if (approved) member.exit_routes.push_back(route);
      continue;
    }
    for (const auto& approval : policy_->route_approvals) {
      if (approved) break;
      approved = holds_subnet(approval.prefix, route) && approves(approval.approvers, subject);
    }
    if (approved) member.subnet_routes.push_back(route);
  }
}

bool Population::passes_postures(const SetDefinition& set, const Node& node) const {
  return set.postures.empty() ||
         std::any_of(set.postures.begin(), set.postures.end(), [&](std::uint32_t posture) {
           return holds(policy_->postures[posture], node.attributes);
         });
}

bool Population::is_member(const SetDefinition& set, const Subject& subject) const {
  if (set.identity.kind == IdentityKind::kNone && !(set.wildcard && !set.postures.empty())) {
    return false;
  }
  return (set.wildcard || matches(set.identity, subject)) && passes_postures(set, subject.node);
}

bool Population::is_near(const SetDefinition& set, const SetValue& value,
                         const Member& member) const {
  if (!value.addresses.empty()) {
    for (const auto& address : member.node.addresses) {
      if (value.addresses.contains(address)) return true;
    }
    for (const auto& route : member.subnet_routes) {
      if (value.addresses.overlaps(route)) return true;
    }
  }
  if (set.identity.kind == IdentityKind::kNone) return false;
  for (const auto& route : member.subnet_routes) {
    if (!overlay_.overlaps(route)) continue;
    bool found = false;
    value.members.for_each([&](NodeIndex index) {
      for (const auto& address : members_[index].node.addresses) {
        found = found || route.contains(address);
      }
    });
    if (found) return true;
  }
  return false;
}

AddressSet Population::addresses_of(const SetDefinition& set) const {
  if (set.postures.empty()) {
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
  // A device's posture says nothing of addresses that are no device's.
  std::vector<Prefix> held;
  if (set.addresses.empty()) return {};
  for (const auto& member : members_) {
    if (!member.present || !passes_postures(set, member.node)) continue;
    for (const auto& address : member.node.addresses) {
      if (set.addresses.contains(address)) held.push_back(Prefix::host(address));
    }
  }
  return AddressSet(held);
}

void Population::set_touch(NodeIndex index, std::uint32_t set) {
  auto& sets = members_[index].sets;
  const auto place = std::lower_bound(sets.begin(), sets.end(), set);
  const bool listed = place != sets.end() && *place == set;
  const bool touches = sets_[set].touches(index);
  if (touches && !listed) sets.insert(place, set);
  if (!touches && listed) sets.erase(place);
}

void Population::readdress(std::uint32_t set, SetChanges& changes) {
  const auto& definition = policy_->sets[set];
  AddressSet addresses = addresses_of(definition);
  if (addresses == sets_[set].addresses) return;
  sets_[set].addresses = std::move(addresses);
  changes.readdressed.push_back(set);
  for (NodeIndex i = 0; i < members_.size(); ++i) {
    if (!members_[i].present) continue;
    sets_[set].near.assign(i, is_near(definition, sets_[set], members_[i]));
    set_touch(i, set);
  }
}

// Everything that follows from members_[index] as it is now.
void Population::evaluate(NodeIndex index, SetChanges& changes) {
  const Member& member = members_[index];
  const Subject subject(member.node, user_of(index));
  for (std::uint32_t i = 0; i < sets_.size(); ++i) {
    const bool joined = member.present && is_member(policy_->sets[i], subject);
    const bool changed = sets_[i].members.assign(index, joined);
    if (changed) changes.memberships.push_back({i, index, joined});
    const bool near = member.present && is_near(policy_->sets[i], sets_[i], member);
    if (sets_[i].near.assign(index, near) || changed) set_touch(index, i);
  }
  for (const auto set : dynamic_) readdress(set, changes);
  // A router of overlay addresses meets sets by their members.
  for (const auto& [id, router] : routers_) {
    const auto& routes = members_[router].subnet_routes;
    if (std::none_of(routes.begin(), routes.end(),
                     [&](const Prefix& route) { return overlay_.overlaps(route); })) {
      continue;
    }
    for (std::uint32_t i = 0; i < sets_.size(); ++i) {
      sets_[i].near.assign(router, is_near(policy_->sets[i], sets_[i], members_[router]));
      set_touch(router, i);
    }
  }
}

SetChanges Population::put(const Node& node) {
  const NodeIndex index = index_for(node.id);
  Member& member = members_[index];
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
  evaluate(index, changes);
  return changes;
}

SetChanges Population::remove(NodeId id) {
  SetChanges changes;
  const NodeIndex index = find(id);
  if (index == kNoNode) return changes;
  if (const User* user = user_of(index)) untagged_[user->id].assign(index, false);
  members_[index] = Member();
  everybody_.assign(index, false);
  exits_.assign(index, false);
  routers_.erase(id);
  evaluate(index, changes);
  index_.erase(id);
  free_.push_back(index);
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
  }
  return changes;
}

void Population::remove(UserId id) {
  users_.erase(id);
  untagged_.erase(id);
}

}  // namespace kernmesh::policy
