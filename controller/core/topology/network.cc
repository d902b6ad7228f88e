// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/network.h"

#include <algorithm>

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
    : range_(range),
      version_(version),
      history_start_(version.revision),
      history_limit_(history),
      rules_{{RuleId(1), /*any_source=*/true, {}}} {}

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

void Network::apply(const NetworkChange& change) {
  for (const auto& user : change.users) users_.insert_or_assign(user.id, user);
  Step step{change.version.revision, {}};
  for (const auto id : change.removed_nodes) remove(id, step);
  for (const auto& node : change.nodes) put(node, step);
  for (const auto id : change.removed_users) users_.erase(id);
  if (change.version == version_) return;
  version_ = change.version;
  history_.push_back(std::move(step));
  while (history_.size() > history_limit_) {
    history_start_ = history_.front().revision;
    history_.pop_front();
  }
}

void Network::forget_indexes(const Node& node) {
  by_machine_key_.erase(node.machine_key);
  by_name_.erase(node.name);
  for (const auto& address : node.addresses) by_address_.erase(address);
}

void Network::put(const Node& node, Step& step) {
  NodeStep change{node.id, digest_of(node.id), {}, true};
  if (const Node* old = find(node.id)) {
    change.visibility_changed = old->state != node.state;
    forget_indexes(*old);
  }
  nodes_.insert_or_assign(node.id, node);
  by_machine_key_[node.machine_key] = node.id;
  by_name_[node.name] = node.id;
  for (const auto& address : node.addresses) by_address_[address] = node.id;
  const User* user = find_user(node.user_id);
  if (node.state == NodeState::kApproved && user != nullptr) {
    change.after = peer_digest(to_peer(node, *user));
    digests_[node.id] = change.after;
  } else {
    digests_.erase(node.id);
  }
  sum_ = sum_ ^ change.before ^ change.after;
  step.nodes.push_back(change);
}

void Network::remove(NodeId id, Step& step) {
  const Node* old = find(id);
  if (old == nullptr) return;
  const NodeStep change{id, digest_of(id), {}, true};
  forget_indexes(*old);
  nodes_.erase(id);
  digests_.erase(id);
  sum_ = sum_ ^ change.before;
  step.nodes.push_back(change);
}

netmap::Digest Network::digest_of(NodeId id) const {
  const auto* digest = find_in(digests_, id);
  return digest == nullptr ? netmap::Digest{} : *digest;
}

bool Network::sees_others(NodeId viewer) const { return digests_.contains(viewer); }

netmap::Netmap Network::snapshot_for(NodeId viewer) const {
  netmap::Netmap map;
  map.version = version_;
  const Node* own = find(viewer);
  const User* user = own == nullptr ? nullptr : find_user(own->user_id);
  if (user == nullptr) return map;
  map.self = to_self(*own, *user, range_);
  map.rules = rules_;
  if (!sees_others(viewer)) return map;
  for (const auto& [id, node] : nodes_) {
    if (id == viewer || !digests_.contains(id)) continue;
    map.peers.emplace_hint(map.peers.end(), id, to_peer(node, *find_user(node.user_id)));
  }
  return map;
}

std::optional<std::deque<Network::Step>::const_iterator> Network::steps_since(
    const MapVersion& from) const {
  if (from.epoch != version_.epoch || from.revision > version_.revision ||
      from.revision < history_start_) {
    return std::nullopt;
  }
  return std::upper_bound(history_.begin(), history_.end(), from.revision,
                          [](Revision r, const Step& step) { return r < step.revision; });
}

std::optional<netmap::Delta> Network::delta_for(NodeId viewer, const MapVersion& from) const {
  const auto first = steps_since(from);
  const Node* own = find(viewer);
  if (!first || own == nullptr) return std::nullopt;
  netmap::Delta delta{from, version_, {}, {}, {}, {}};
  std::map<NodeId, netmap::Digest> changed;  // and what each was to others at `from`
  for (auto step = *first; step != history_.end(); ++step) {
    for (const auto& node : step->nodes) {
      if (node.id != viewer) {
        changed.emplace(node.id, node.before);
        continue;
      }
      // Its whole view appeared or went with its state: only a snapshot says that.
      if (node.visibility_changed) return std::nullopt;
      if (!delta.self) delta.self = to_self(*own, *find_user(own->user_id), range_);
    }
  }
  if (!sees_others(viewer)) return delta;
  for (const auto& [id, before] : changed) {
    if (digests_.contains(id)) {
      const Node& node = *find(id);
      delta.upserted.push_back(to_peer(node, *find_user(node.user_id)));
    } else if (before != netmap::Digest{}) {
      delta.removed.push_back(id);
    }
  }
  return delta;
}

bool Network::matches(NodeId viewer, const MapVersion& held,
                      const netmap::SectionDigests& digests) const {
  const auto first = steps_since(held);
  const Node* own = find(viewer);
  const User* user = own == nullptr ? nullptr : find_user(own->user_id);
  if (!first || user == nullptr || digests.rules != rules_digest(rules_)) return false;
  netmap::Digest sum = sum_ ^ digest_of(viewer);
  bool own_changed = false;
  for (auto step = *first; step != history_.end(); ++step) {
    for (const auto& node : step->nodes) {
      if (node.id == viewer) {
        own_changed = true;
        if (node.visibility_changed) return false;
      } else {
        sum = sum ^ node.before ^ node.after;
      }
    }
  }
  if (!sees_others(viewer)) sum = {};
  // A self that changed since comes whole with the delta, so only an unchanged one must match.
  return digests.peers == sum &&
         (own_changed || digests.self == self_digest(to_self(*own, *user, range_)));
}

}  // namespace kernmesh::topology
