// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/convert.h"

#include <algorithm>
#include <set>

#include "controller/rpc/convert_policy.h"

namespace kernmesh::rpc {
namespace {

constexpr std::int64_t kEndOfYear9999 = 253402300799;

Error invalid_message(const std::string& what) { return {ErrorCode::kInvalid, what}; }

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <typename Key>
Result<Key> key_from_wire(std::string_view bytes, std::string_view what) {
  auto key = Key::from_bytes(bytes_of(bytes));
  if (!key) {
    return invalid_message(std::string(what) + " has " + std::to_string(bytes.size()) +
                           " bytes instead of 32");
  }
  if (key->is_zero()) return invalid_message(std::string(what) + " is all zero");
  return key;
}

Status check_count(std::size_t count, std::size_t most, std::string_view what) {
  if (count <= most) return {};
  return invalid_message(std::to_string(count) + " " + std::string(what) + ", at most " +
                         std::to_string(most) + " are allowed");
}

// Names are printed on terminals and put into files: no control characters, nothing overlong.
Status check_name(const std::string& name, std::size_t most, std::string_view what) {
  if (name.empty()) return invalid_message(std::string(what) + " is empty");
  if (name.size() > most) {
    return invalid_message(std::string(what) + " is longer than " + std::to_string(most) +
                           " bytes");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), is_control)) {
    return invalid_message(std::string(what) + " contains control characters");
  }
  return {};
}

template <typename Messages>
Result<std::vector<IpAddress>> addresses_from(const Messages& messages) {
  MESH_TRY(check_count(messages.size(), kMaxAddresses, "overlay addresses"));
  std::vector<IpAddress> addresses;
  for (const auto& message : messages) {
    MESH_TRY_ASSIGN(auto address, address_from_wire(message));
    if (address.is_unspecified() || address.is_multicast() || address.is_loopback() ||
        address.is_v4_mapped()) {
      return invalid_message(to_string(address) + " cannot be an overlay address");
    }
    addresses.push_back(address);
  }
  if (addresses.empty()) return invalid_message("no overlay address");
  return addresses;
}

template <typename Messages>
Result<std::vector<Endpoint>> endpoints_from(const Messages& messages) {
  MESH_TRY(check_count(messages.size(), kMaxEndpoints, "endpoints"));
  std::vector<Endpoint> endpoints;
  for (const auto& message : messages) {
    MESH_TRY_ASSIGN(auto endpoint, from_proto(message));
    endpoints.push_back(endpoint);
  }
  return endpoints;
}

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
  return delta;
}

}  // namespace

std::string to_wire(const IpAddress& address) {
  return {reinterpret_cast<const char*>(address.bytes().data()),
          static_cast<std::size_t>(address.bits() / 8)};
}

Result<IpAddress> address_from_wire(std::string_view text) {
  const auto bytes = bytes_of(text);
  if (bytes.size() == 4) return IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]});
  if (bytes.size() != 16) {
    return invalid_message("an address has 4 or 16 bytes, not " + std::to_string(bytes.size()));
  }
  std::array<std::uint8_t, 16> array{};
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return IpAddress::from_v6_bytes(array);
}

std::string to_wire(const netmap::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Result<MachinePublicKey> machine_key_from_wire(std::string_view bytes) {
  return key_from_wire<MachinePublicKey>(bytes, "machine key");
}
Result<NodePublicKey> node_key_from_wire(std::string_view bytes) {
  return key_from_wire<NodePublicKey>(bytes, "node key");
}
Result<DiscoPublicKey> disco_key_from_wire(std::string_view bytes) {
  return key_from_wire<DiscoPublicKey>(bytes, "disco key");
}

Result<RelayPublicKey> relay_key_from_wire(std::string_view bytes) {
  return key_from_wire<RelayPublicKey>(bytes, "relay key");
}
Result<TicketPublicKey> ticket_key_from_wire(std::string_view bytes) {
  return key_from_wire<TicketPublicKey>(bytes, "ticket key");
}

std::int64_t to_wire(WallTime time) { return time.time_since_epoch().count(); }

Result<WallTime> time_from_wire(std::int64_t seconds) {
  if (seconds < 0 || seconds > kEndOfYear9999) {
    return invalid_message("time " + std::to_string(seconds) + " is not between 1970 and 9999");
  }
  return WallTime(std::chrono::seconds(seconds));
}

mesh::v1::Prefix to_proto(const Prefix& prefix) {
  mesh::v1::Prefix message;
  message.set_address(to_wire(prefix.address()));
  message.set_length(prefix.length());
  return message;
}

mesh::v1::Endpoint to_proto(const Endpoint& endpoint) {
  mesh::v1::Endpoint message;
  message.set_address(to_wire(endpoint.address));
  message.set_port(endpoint.port.value());
  return message;
}

mesh::v1::MapVersion to_proto(const MapVersion& version) {
  mesh::v1::MapVersion message;
  message.set_epoch(version.epoch.value());
  message.set_revision(version.revision.value());
  return message;
}

mesh::v1::Self to_proto(const netmap::Self& self) {
  mesh::v1::Self message;
  message.set_node_id(self.id.value());
  message.set_name(self.name);
  message.set_user_id(self.user_id.value());
  message.set_user_name(self.user_name);
  for (const auto& address : self.addresses) message.add_addresses(to_wire(address));
  for (const auto& prefix : self.overlay_prefixes) {
    *message.add_overlay_prefixes() = to_proto(prefix);
  }
  message.set_key_expires_at(to_wire(self.key_expires_at));
  message.set_awaits_approval(self.awaits_approval);
  message.set_key_rotation_due(self.key_rotation_due);
  message.set_machine_key_shared(self.machine_key_shared);
  return message;
}

mesh::v1::Peer to_proto(const netmap::Peer& peer) {
  mesh::v1::Peer message;
  message.set_node_id(peer.id.value());
  message.set_name(peer.name);
  message.set_user_id(peer.user_id.value());
  message.set_user_name(peer.user_name);
  message.set_machine_key(to_wire(peer.machine_key));
  message.set_node_key(to_wire(peer.node_key));
  message.set_disco_key(to_wire(peer.disco_key));
  for (const auto& address : peer.addresses) message.add_addresses(to_wire(address));
  for (const auto& endpoint : peer.endpoints) *message.add_endpoints() = to_proto(endpoint);
  message.set_key_expires_at(to_wire(peer.key_expires_at));
  message.set_online(peer.online);
  message.set_home_relay(peer.home_relay.value());
  return message;
}

Result<Prefix> from_proto(const mesh::v1::Prefix& message) {
  MESH_TRY_ASSIGN(auto address, address_from_wire(message.address()));
  const auto length = static_cast<int>(std::min<std::uint32_t>(message.length(), 1000));
  MESH_TRY_ASSIGN(auto prefix, Prefix::make(address, length));
  if (prefix.address() != address) {
    return invalid_message("prefix " + to_string(address) + "/" + std::to_string(length) +
                           " has bits set after its length");
  }
  return prefix;
}

Result<Endpoint> from_proto(const mesh::v1::Endpoint& message) {
  MESH_TRY_ASSIGN(auto address, address_from_wire(message.address()));
  if (message.port() == 0 || message.port() > 65535) {
    return invalid_message("endpoint port " + std::to_string(message.port()) +
                           " is not in 1..65535");
  }
  if (address.is_unspecified() || address.is_multicast() || address.is_v4_mapped()) {
    return invalid_message(to_string(address) + " cannot be an endpoint's address");
  }
  return Endpoint{address, Port(static_cast<std::uint16_t>(message.port()))};
}

Result<std::vector<Endpoint>> from_proto(const mesh::v1::EndpointList& message) {
  return endpoints_from(message.endpoints());
}

MapVersion from_proto(const mesh::v1::MapVersion& message) {
  return {Epoch(message.epoch()), Revision(message.revision())};
}

Result<netmap::Self> from_proto(const mesh::v1::Self& message) {
  if (message.node_id() == 0) return invalid_message("the node itself has no id");
  MESH_TRY(check_name(message.name(), kMaxNodeName, "the node's own name"));
  MESH_TRY(check_name(message.user_name(), kMaxUserName, "the node's user name"));
  netmap::Self self;
  self.id = NodeId(message.node_id());
  self.name = message.name();
  self.user_id = UserId(message.user_id());
  self.user_name = message.user_name();
  MESH_TRY_ASSIGN(self.addresses, addresses_from(message.addresses()));
  MESH_TRY(check_count(message.overlay_prefixes_size(), kMaxOverlayPrefixes, "overlay prefixes"));
  for (const auto& prefix_message : message.overlay_prefixes()) {
    MESH_TRY_ASSIGN(auto prefix, from_proto(prefix_message));
    self.overlay_prefixes.push_back(prefix);
  }
  MESH_TRY_ASSIGN(self.key_expires_at, time_from_wire(message.key_expires_at()));
  self.awaits_approval = message.awaits_approval();
  self.key_rotation_due = message.key_rotation_due();
  self.machine_key_shared = message.machine_key_shared();
  return self;
}

Result<netmap::Peer> from_proto(const mesh::v1::Peer& message) {
  if (message.node_id() == 0) return invalid_message("a peer has no id");
  const auto in_peer = [&](const Error& error) {
    return error.with_context("peer " + std::to_string(message.node_id()));
  };
  const auto convert = [&]() -> Result<netmap::Peer> {
    MESH_TRY(check_name(message.name(), kMaxNodeName, "name"));
    MESH_TRY(check_name(message.user_name(), kMaxUserName, "user name"));
    netmap::Peer peer;
    peer.id = NodeId(message.node_id());
    peer.name = message.name();
    peer.user_id = UserId(message.user_id());
    peer.user_name = message.user_name();
    MESH_TRY_ASSIGN(peer.machine_key, machine_key_from_wire(message.machine_key()));
    MESH_TRY_ASSIGN(peer.node_key, node_key_from_wire(message.node_key()));
    MESH_TRY_ASSIGN(peer.disco_key, disco_key_from_wire(message.disco_key()));
    MESH_TRY_ASSIGN(peer.addresses, addresses_from(message.addresses()));
    MESH_TRY_ASSIGN(peer.endpoints, endpoints_from(message.endpoints()));
    MESH_TRY_ASSIGN(peer.key_expires_at, time_from_wire(message.key_expires_at()));
    peer.online = message.online();
    peer.home_relay = netmap::RelayId(message.home_relay());
    return peer;
  };
  auto peer = convert();
  if (!peer) return in_peer(peer.error());
  return peer;
}

mesh::v1::NetmapUpdate to_proto(const netmap::Netmap& map) {
  mesh::v1::NetmapUpdate message;
  *message.mutable_version() = to_proto(map.version);
  auto& snapshot = *message.mutable_snapshot();
  *snapshot.mutable_self() = to_proto(map.self);
  for (const auto& [id, peer] : map.peers) *snapshot.add_peers() = to_proto(peer);
  for (const auto& [id, rule] : map.rules) *snapshot.add_rules() = to_proto(rule);
  for (const auto& [id, set] : map.sets) *snapshot.add_sets() = to_proto(set);
  if (map.relays != netmap::Relays()) *snapshot.mutable_relays() = to_proto(map.relays);
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
