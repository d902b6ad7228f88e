// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/digest.h"

#include <sodium.h>

#include <concepts>
#include <span>
#include <string_view>

namespace kernmesh::netmap {
namespace {

std::string_view bytes_view(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Canonical bytes into a hash. Every variable-length part is preceded by its length, so no two
// different values have the same bytes.
class Encoder {
 public:
  explicit Encoder(std::string_view section) {
    crypto_generichash_init(&state_, reinterpret_cast<const unsigned char*>(section.data()),
                            section.size(), kSize);
  }
  void add(std::uint64_t number) {
    std::array<std::uint8_t, 8> bytes{};
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
    add_raw(bytes);
  }
  void add(std::string_view text) {
    add(std::uint64_t{text.size()});
    add_raw({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  void add(const IpAddress& address) {
    add(static_cast<std::uint64_t>(address.bits()));
    add_raw(address.bytes());
  }
  void add(const Prefix& prefix) {
    add(prefix.address());
    add(static_cast<std::uint64_t>(prefix.length()));
  }
  void add(const Endpoint& endpoint) {
    add(endpoint.address);
    add(std::uint64_t{endpoint.port.value()});
  }
  void add(WallTime time) { add(static_cast<std::uint64_t>(time.time_since_epoch().count())); }
  template <typename Tag>
  void add(const PublicKey<Tag>& key) {
    add_raw(key.bytes());
  }
  template <typename Tag, typename Rep>
  void add(StrongId<Tag, Rep> id) {
    add(std::uint64_t{id.value()});
  }
  template <typename T>
  void add(const std::vector<T>& items) {
    add(std::uint64_t{items.size()});
    for (const auto& item : items) add(item);
  }
  void add(std::uint8_t number) { add(std::uint64_t{number}); }
  void add(const policy::PortRange& ports) { add(std::uint64_t{ports.first} << 16 | ports.last); }
  void add(const policy::Service& service) {
    add(service.protocols);
    add(service.ports);
  }
  void add(const policy::Target& target) {
    add(static_cast<std::uint64_t>(target.kind));
    add(target.prefixes);
    add(target.services);
  }
  void add(const policy::Capability& capability) {
    add(std::string_view(capability.name));
    add(std::string_view(capability.values_json));
  }
  void add(const policy::SshUserClass& user) {
    add(static_cast<std::uint64_t>(user.kind));
    add(std::string_view(user.name));
  }
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(const policy::SshGrant& ssh) {
    add(static_cast<std::uint64_t>(ssh.action));
    add(ssh.users);
    add(std::uint64_t{ssh.check_period.has_value()});
    add(static_cast<std::uint64_t>(ssh.check_period.value_or(std::chrono::seconds(0)).count()));
    add(ssh.accept_env);
  }
  Digest finish() {
    Digest digest{};
    crypto_generichash_final(&state_, digest.data(), digest.size());
    return digest;
  }

 private:
  static constexpr std::size_t kSize = sizeof(Digest);
  void add_raw(std::span<const std::uint8_t> bytes) {
    crypto_generichash_update(&state_, bytes.data(), bytes.size());
  }
  crypto_generichash_state state_;
};

}  // namespace

Digest self_digest(const Self& self) {
  Encoder encoder("kernmesh self v1");
  encoder.add(self.id);
  encoder.add(std::string_view(self.name));
  encoder.add(self.user_id);
  encoder.add(std::string_view(self.user_name));
  encoder.add(self.addresses);
  encoder.add(self.overlay_prefixes);
  encoder.add(self.key_expires_at);
  // A node of which none is true has the digest that versions before them compute.
  const std::uint64_t marks = (self.awaits_approval ? 1U : 0U) | (self.key_rotation_due ? 2U : 0U) |
                              (self.machine_key_shared ? 4U : 0U);
  if (marks != 0) encoder.add(marks);
  if (!self.endorsement.empty()) encoder.add(bytes_view(self.endorsement));
  return encoder.finish();
}

Digest peer_digest(const Peer& peer) {
  Encoder encoder("kernmesh peer v1");
  encoder.add(peer.id);
  encoder.add(std::string_view(peer.name));
  encoder.add(peer.user_id);
  encoder.add(std::string_view(peer.user_name));
  encoder.add(peer.machine_key);
  encoder.add(peer.node_key);
  encoder.add(peer.disco_key);
  encoder.add(peer.addresses);
  encoder.add(peer.endpoints);
  encoder.add(peer.key_expires_at);
  // A peer without one has the digest that versions before relays compute.
  if (peer.home_relay != RelayId()) encoder.add(peer.home_relay);
  if (!peer.endorsement.empty()) encoder.add(bytes_view(peer.endorsement));
  return encoder.finish();
}

Digest peers_digest(const std::map<NodeId, Peer>& peers) {
  Digest sum{};
  for (const auto& [id, peer] : peers) sum = sum ^ peer_digest(peer);
  return sum;
}

Digest rule_digest(const Rule& rule) {
  Encoder encoder("kernmesh rule v1");
  encoder.add(rule.id);
  encoder.add(rule.sources);
  encoder.add(rule.targets);
  encoder.add(rule.capabilities);
  if (rule.ssh) encoder.add(*rule.ssh);
  return encoder.finish();
}

Digest rules_digest(const std::map<RuleId, Rule>& rules) {
  Digest sum{};
  for (const auto& [id, rule] : rules) sum = sum ^ rule_digest(rule);
  return sum;
}

Digest member_digest(SetId set, NodeId member) {
  Encoder encoder("kernmesh member v1");
  encoder.add(set);
  encoder.add(member);
  return encoder.finish();
}

Digest set_prefixes_digest(SetId set, const std::vector<Prefix>& prefixes) {
  Encoder encoder("kernmesh set v1");
  encoder.add(set);
  encoder.add(prefixes);
  return encoder.finish();
}

Digest set_digest(const SourceSet& set) {
  Digest sum = set_prefixes_digest(set.id, set.prefixes);
  for (const auto member : set.members) sum = sum ^ member_digest(set.id, member);
  return sum;
}

Digest sets_digest(const std::map<SetId, SourceSet>& sets) {
  Digest sum{};
  for (const auto& [id, set] : sets) sum = sum ^ set_digest(set);
  return sum;
}

Digest relays_digest(const Relays& relays) {
  Encoder encoder("kernmesh relays v1");
  encoder.add(std::uint64_t{relays.known.size()});
  for (const auto& [id, relay] : relays.known) {
    encoder.add(id);
    encoder.add(std::string_view(relay.name));
    encoder.add(std::string_view(relay.region));
    encoder.add(relay.key);
    encoder.add(relay.endpoints);
    encoder.add(relay.tls_port);
    encoder.add(bytes_view(relay.tls_fingerprint));
    encoder.add(std::uint64_t{relay.draining});
    encoder.add(std::uint64_t{relay.online});
  }
  const auto ticket = relays.ticket.value_or(relay::TicketBytes{});
  encoder.add(bytes_view(ticket));
  return encoder.finish();
}

Digest lock_digest(const LockStatements& statements) {
  Encoder encoder("kernmesh lock v1");
  encoder.add(std::uint64_t{statements.size()});
  for (const auto& statement : statements) encoder.add(bytes_view(statement));
  return encoder.finish();
}

SectionDigests section_digests(const Netmap& map) {
  return {self_digest(map.self),     peers_digest(map.peers) ^ peers_digest(map.left_out),
          rules_digest(map.rules),   sets_digest(map.sets),
          relays_digest(map.relays), lock_digest(map.lock)};
}

Digest operator^(const Digest& a, const Digest& b) {
  Digest sum{};
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = a[i] ^ b[i];
  return sum;
}

}  // namespace kernmesh::netmap
