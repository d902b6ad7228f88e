// SPDX-License-Identifier: Apache-2.0
// Netmaps, what changes them, and the statements of a lock as messages and back (the rest of
// convert.h).
#include <set>

#include "controller/rpc/convert.h"
#include "controller/rpc/convert_bounds.h"
#include "controller/rpc/convert_policy.h"

namespace kernmesh::rpc {
namespace {

// Each id once.
template <typename Value, typename Messages>
Result<std::vector<Value>> distinct_from(const Messages& messages, std::size_t most,
                                         std::string_view what) {
  MESH_TRY(check_count(messages.size(), most, what));
  std::vector<Value> values;
  std::set<decltype(Value::id)> seen;
  for (const auto& message : messages) {
    MESH_TRY_ASSIGN(auto value, from_proto(message));
    if (!seen.insert(value.id).second) {
      return invalid_message("of the " + std::string(what) + ", " + to_string(value.id) +
                             " appears twice");
    }
    values.push_back(std::move(value));
  }
  return values;
}

Result<netmap::Netmap> map_from(const mesh::v1::Snapshot& message, const MapVersion& version) {
  netmap::Netmap map;
  map.version = version;
  if (!message.has_self()) return invalid_message("snapshot without the node itself");
  MESH_TRY_ASSIGN(map.self, from_proto(message.self()));
  MESH_TRY(check_count(message.peers_size(), kMaxPeers, "peers"));
  for (const auto& peer_message : message.peers()) {
    MESH_TRY_ASSIGN(auto peer, from_proto(peer_message));
    const NodeId id = peer.id;
    if (!map.peers.emplace(id, std::move(peer)).second) {
      return invalid_message("peer " + to_string(id) + " appears twice");
    }
  }
  MESH_TRY_ASSIGN(auto rules, distinct_from<netmap::Rule>(message.rules(), kMaxRules, "rules"));
  for (auto& rule : rules) map.rules.emplace(rule.id, std::move(rule));
  MESH_TRY_ASSIGN(auto sets, distinct_from<netmap::SourceSet>(message.sets(), kMaxSets, "sets"));
  for (auto& set : sets) map.sets.emplace(set.id, std::move(set));
  MESH_TRY_ASSIGN(map.relays, from_proto(message.relays()));
  MESH_TRY_ASSIGN(map.lock, from_proto(message.lock()));
  return map;
}

Result<netmap::Delta> delta_from(const mesh::v1::Delta& message, const MapVersion& version) {
  netmap::Delta delta;
  delta.from = from_proto(message.from());
  delta.to = version;
  if (message.has_self()) {
    MESH_TRY_ASSIGN(delta.self, from_proto(message.self()));
  }
  MESH_TRY(check_count(message.upserted_peers_size(), kMaxPeers, "changed peers"));
  MESH_TRY(check_count(message.removed_node_ids_size(), kMaxPeers, "removed peers"));
  std::set<NodeId> seen;
  for (const auto& peer_message : message.upserted_peers()) {
    MESH_TRY_ASSIGN(auto peer, from_proto(peer_message));
    if (!seen.insert(peer.id).second) {
      return invalid_message("peer " + to_string(peer.id) + " appears twice");
    }
    delta.upserted.push_back(std::move(peer));
  }
  for (const auto id : message.removed_node_ids()) {
    if (!seen.insert(NodeId(id)).second) {
      return invalid_message("peer " + std::to_string(id) + " appears twice");
    }
    delta.removed.push_back(NodeId(id));
  }
  MESH_TRY_ASSIGN(delta.upserted_rules, distinct_from<netmap::Rule>(message.upserted_rules(),
                                                                    kMaxRules, "changed rules"));
  MESH_TRY(check_count(message.removed_rule_ids_size(), kMaxRules, "removed rules"));
  for (const auto id : message.removed_rule_ids()) delta.removed_rules.push_back(RuleId(id));
  MESH_TRY_ASSIGN(delta.upserted_sets,
                  distinct_from<netmap::SourceSet>(message.upserted_sets(), kMaxSets, "new sets"));
  MESH_TRY_ASSIGN(delta.changed_sets, distinct_from<netmap::SetChange>(message.changed_sets(),
                                                                       kMaxSets, "changed sets"));
  if (message.has_relays()) {
    MESH_TRY_ASSIGN(delta.relays, from_proto(message.relays()));
  }
  if (message.has_lock()) {
    MESH_TRY_ASSIGN(delta.lock, from_proto(message.lock()));
  }
  return delta;
}

}  // namespace

mesh::v1::LockChain to_proto(const netmap::LockStatements& statements) {
  mesh::v1::LockChain message;
  for (const auto& statement : statements) message.add_statements(to_wire(statement));
  return message;
}

Result<netmap::LockStatements> from_proto(const mesh::v1::LockChain& message) {
  MESH_TRY(check_count(message.statements_size(), kMaxLockStatements, "statements of the lock"));
  netmap::LockStatements statements;
  std::size_t bytes = 0;
  for (const auto& statement : message.statements()) {
    bytes += statement.size();
    statements.push_back(bytes_from_wire(statement));
  }
  MESH_TRY(check_count(bytes, kMaxLockBytes, "bytes of the lock"));
  return statements;
}

mesh::v1::NetmapUpdate to_proto(const netmap::Netmap& map) {
  mesh::v1::NetmapUpdate message;
  *message.mutable_version() = to_proto(map.version);
  auto& snapshot = *message.mutable_snapshot();
  *snapshot.mutable_self() = to_proto(map.self);
  for (const auto& [id, peer] : map.peers) *snapshot.add_peers() = to_proto(peer);
  for (const auto& [id, peer] : map.left_out) *snapshot.add_peers() = to_proto(peer);
  for (const auto& [id, rule] : map.rules) *snapshot.add_rules() = to_proto(rule);
  for (const auto& [id, set] : map.sets) *snapshot.add_sets() = to_proto(set);
  if (map.relays != netmap::Relays()) *snapshot.mutable_relays() = to_proto(map.relays);
  if (!map.lock.empty()) *snapshot.mutable_lock() = to_proto(map.lock);
  return message;
}

mesh::v1::NetmapUpdate to_proto(const netmap::Delta& delta) {
  mesh::v1::NetmapUpdate message;
  *message.mutable_version() = to_proto(delta.to);
  auto& body = *message.mutable_delta();
  *body.mutable_from() = to_proto(delta.from);
  if (delta.self) *body.mutable_self() = to_proto(*delta.self);
  for (const auto& peer : delta.upserted) *body.add_upserted_peers() = to_proto(peer);
  for (const auto id : delta.removed) body.add_removed_node_ids(id.value());
  for (const auto& rule : delta.upserted_rules) *body.add_upserted_rules() = to_proto(rule);
  for (const auto id : delta.removed_rules) body.add_removed_rule_ids(id.value());
  for (const auto& set : delta.upserted_sets) *body.add_upserted_sets() = to_proto(set);
  for (const auto& change : delta.changed_sets) *body.add_changed_sets() = to_proto(change);
  if (delta.relays) *body.mutable_relays() = to_proto(*delta.relays);
  if (delta.lock) *body.mutable_lock() = to_proto(*delta.lock);
  return message;
}

mesh::v1::NetmapUpdate to_proto(const Keepalive& keepalive) {
  mesh::v1::NetmapUpdate message;
  *message.mutable_version() = to_proto(keepalive.version);
  message.mutable_keepalive();
  return message;
}

Result<Update> from_proto(const mesh::v1::NetmapUpdate& message) {
  const MapVersion version = from_proto(message.version());
  switch (message.body_case()) {
    case mesh::v1::NetmapUpdate::kSnapshot: {
      MESH_TRY_ASSIGN(auto map, map_from(message.snapshot(), version));
      return Update(std::move(map));
    }
    case mesh::v1::NetmapUpdate::kDelta: {
      MESH_TRY_ASSIGN(auto delta, delta_from(message.delta(), version));
      return Update(std::move(delta));
    }
    case mesh::v1::NetmapUpdate::kKeepalive:
      return Update(Keepalive{version});
    case mesh::v1::NetmapUpdate::BODY_NOT_SET:
      break;
  }
  return invalid_message("update without a body that this version knows");
}

Result<netmap::Netmap> netmap_from_proto(const mesh::v1::NetmapUpdate& message) {
  if (!message.has_snapshot()) return invalid_message("not a snapshot");
  return map_from(message.snapshot(), from_proto(message.version()));
}

}  // namespace kernmesh::rpc
