// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/convert.h"

#include <algorithm>

#include "controller/rpc/convert_bounds.h"

namespace kernmesh::rpc {
namespace {

constexpr std::int64_t kEndOfYear9999 = 253402300799;

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

Result<Bytes> endorsement_from(const std::string& bytes) {
  MESH_TRY(check_count(bytes.size(), kMaxEndorsementBytes, "bytes of endorsement"));
  return bytes_from_wire(bytes);
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

std::string to_wire(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
Bytes bytes_from_wire(std::string_view bytes) { return {bytes.begin(), bytes.end()}; }

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
  message.set_endorsement(to_wire(self.endorsement));
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
  message.set_endorsement(to_wire(peer.endorsement));
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
  MESH_TRY_ASSIGN(self.endorsement, endorsement_from(message.endorsement()));
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
    MESH_TRY_ASSIGN(peer.endorsement, endorsement_from(message.endorsement()));
    return peer;
  };
  auto peer = convert();
  if (!peer) return in_peer(peer.error());
  return peer;
}

}  // namespace kernmesh::rpc
