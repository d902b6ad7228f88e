// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/network.h"

#include <algorithm>

#include "controller/core/policy/slicing.h"

namespace kernmesh::topology {

using netmap::operator^;

namespace {

template <typename Map, typename Key>
auto find_in(const Map& map, const Key& key) -> decltype(&map.begin()->second) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

Network::Network(OverlayRange range, MapVersion version, std::size_t history)
    : range_(range), version_(version), history_start_(version.revision), history_limit_(history) {
  // Present and empty lists of rules: nobody reaches anybody.
  const auto nothing = std::make_shared<const policy::CompiledPolicy>();
  policy_ = std::make_shared<PolicyView>(
      policy::Population(nothing, std::vector<Prefix>{range.v4, range.v6}));
}

const Node* Network::find(NodeId id) const { return find_in(nodes_, id); }
const User* Network::find_user(UserId id) const { return find_in(users_, id); }
const Node* Network::find(const MachinePublicKey& key) const {
  const NodeId* id = find_in(by_machine_key_, key);
  return id == nullptr ? nullptr : find(*id);
}
const Node* Network::find_node_named(const std::string& name) const {
  const NodeId* id = find_in(by_name_, name);
  return id == nullptr ? nullptr : find(*id);
}
const Node* Network::find(const IpAddress& address) const {
  const NodeId* id = find_in(by_address_, address);
  return id == nullptr ? nullptr : find(*id);
}
const User* Network::find_user_named(const std::string& name) const {
  for (const auto& [id, user] : users_) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

void Network::apply(const NetworkChange& change, PolicyPlan plan) {
  ++change_count_;
  Step step{change.version.revision, {}, {}, {}, {}, {}, change.version == version_};
  for (const auto& user : change.users) put(user, step);
  for (const auto id : change.removed_nodes) remove(id, step);
  for (const auto& node : change.nodes) put(node, step);
  for (const auto id : change.removed_users) {
    users_.erase(id);
    policy_->population.remove(id);
  }
  if (change.policy != nullptr) put_policy(change, std::move(plan), step);
  if (change.version == version_) return;
  version_ = change.version;
  remember(std::move(step));
}

void Network::remember(Step step) {
  policies_in_history_ += step.policies.size();
  const bool opaque = step.opaque;
  history_.push_back(std::move(step));
  while (history_.size() > history_limit_ || policies_in_history_ > kPolicyHistory) forget_oldest();
  while (opaque && !history_.empty()) forget_oldest();
}

void Network::forget_oldest() {
  const Step& oldest = history_.front();
  policies_in_history_ -= oldest.policies.size();
  for (const auto index : oldest.retired_indices) policy_->population.release(index);
  history_start_ = oldest.revision;
  history_.pop_front();
}

void Network::forget_indexes(const Node& node) {
  by_machine_key_.erase(node.machine_key);
  by_name_.erase(node.name);
  for (const auto& address : node.addresses) by_address_.erase(address);
}

netmap::Digest Network::digest_of(NodeId id) const {
  const auto* digest = find_in(digests_, id);
  return digest == nullptr ? netmap::Digest{} : *digest;
}

netmap::Netmap Network::snapshot_for(NodeId viewer) const {
  netmap::Netmap map;
  map.version = version_;
  const Node* own = find(viewer);
  const User* user = own == nullptr ? nullptr : find_user(own->user_id);
  if (user == nullptr) return map;
  map.self = to_self(*own, *user, range_);
  const NodeIndex index = population().find(viewer);
  if (index == policy::Population::kNoNode) return map;
  reach().peers_of(index).for_each([&](NodeIndex other) {
    const Node& node = *find(population().member(other).node.id);
    map.peers.emplace(node.id, to_peer(node, *find_user(node.user_id)));
  });
  auto slice = policy::slice_for(reach(), index);
  for (auto& rule : slice.rules) map.rules.emplace(rule.id, std::move(rule));
  for (auto& set : slice.sets) map.sets.emplace(set.id, std::move(set));
  return map;
}

netmap::Digest Network::peers_sum(const NodeSet& peers) const {
  netmap::Digest sum{};
  peers.for_each([&](NodeIndex peer) { sum = sum ^ digest_of(population().member(peer).node.id); });
  return sum;
}

std::optional<std::deque<Step>::const_iterator> Network::steps_since(const MapVersion& from) const {
  if (from.epoch != version_.epoch || from.revision > version_.revision ||
      from.revision < history_start_) {
    return std::nullopt;
  }
  return std::upper_bound(history_.begin(), history_.end(), from.revision,
                          [](Revision r, const Step& step) { return r < step.revision; });
}

}  // namespace kernmesh::topology
