// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/convert.h"

#include <gtest/gtest.h>

#include "controller/rpc/status.h"

namespace kernmesh::rpc {
namespace {

using netmap::SetId;

netmap::Peer peer_of(std::uint8_t id) {
  netmap::Peer peer;
  peer.id = NodeId(id);
  peer.name = "node-" + std::to_string(id);
  peer.user_id = UserId(7);
  peer.user_name = "ann@example.org";
  peer.machine_key = MachinePublicKey({id, 1});
  peer.node_key = NodePublicKey({id, 2});
  peer.disco_key = DiscoPublicKey({id, 3});
  peer.addresses = {*IpAddress::parse("100.64.0." + std::to_string(id)),
                    *IpAddress::parse("fd7a::" + std::to_string(id))};
  peer.endpoints = {*Endpoint::parse("192.0.2.1:4500"), *Endpoint::parse("[2001:db8::1]:1")};
  peer.key_expires_at = WallTime(std::chrono::seconds(2'000'000'000));
  peer.online = true;
  return peer;
}

netmap::Rule rule_of(std::uint32_t id) {
  netmap::Rule rule;
  rule.id = RuleId(id);
  rule.policy_revision = 3;
  rule.line = 17;
  rule.sources = {SetId(9)};
  rule.targets = {{policy::TargetKind::kOwnAddresses, {}, {{{6, 17}, {{22, 22}, {80, 443}}}}},
                  {policy::TargetKind::kPrefixes,
                   {*Prefix::parse("10.0.0.0/8"), *Prefix::parse("fd00::/8")},
                   {{{1}, {policy::kAllPorts}}}},
                  {policy::TargetKind::kAny, {}, {}}};
  rule.capabilities = {{"example.com/cap/x", "[{}]"}};
  rule.ssh = policy::SshGrant{
      policy::SshAction::kCheck,
      {{policy::SshUserKind::kRoot, "root"}, {policy::SshUserKind::kLocalpart, "example.com"}},
      std::chrono::seconds(0),
      {"LANG", "LC_*"}};
  return rule;
}

netmap::SourceSet set_of(std::uint32_t id) {
  return {SetId(id), {NodeId(2), NodeId(3)}, {*Prefix::parse("192.0.2.0/24")}};
}

netmap::Netmap map_of_two() {
  netmap::Netmap map;
  map.version = {Epoch(1), Revision(42)};
  map.self.id = NodeId(1);
  map.self.name = "me";
  map.self.user_id = UserId(7);
  map.self.user_name = "ann";
  map.self.addresses = {*IpAddress::parse("100.64.0.1")};
  map.self.overlay_prefixes = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a::/48")};
  map.self.awaits_approval = map.self.key_rotation_due = map.self.machine_key_shared = true;
  map.peers = {{NodeId(2), peer_of(2)}, {NodeId(3), peer_of(3)}};
  const auto rule = rule_of(5);
  map.rules = {{rule.id, rule}};
  map.sets = {{SetId(9), set_of(9)}};
  return map;
}

netmap::Delta delta_of_all() {
  netmap::Delta delta;
  delta.from = {Epoch(1), Revision(41)};
  delta.to = {Epoch(1), Revision(42)};
  delta.self = map_of_two().self;
  delta.upserted = {peer_of(2)};
  delta.removed = {NodeId(3)};
  delta.upserted_rules = {rule_of(5)};
  delta.removed_rules = {RuleId(0xffffffff)};
  delta.upserted_sets = {set_of(9)};
  delta.changed_sets = {{SetId(10), {NodeId(1)}, {NodeId(2), NodeId(3)}}};
  return delta;
}

netmap::Relays two_relays() {
  netmap::Relays relays;
  for (const std::uint8_t id : {1, 2}) {
    netmap::Relay relay;
    relay.id = netmap::RelayId(id);
    relay.name = "fra" + std::to_string(id);
    relay.region = "fra";
    relay.key = RelayPublicKey({id, 9});
    relay.endpoints = {*Endpoint::parse("192.0.2.9:3478"), *Endpoint::parse("[2001:db8::9]:3478")};
    relay.tls_port = Port(443);
    relay.tls_fingerprint.fill(id);
    relay.draining = id == 2;
    relay.online = id == 1;
    relays.known.emplace(relay.id, relay);
  }
  relays.ticket.emplace().fill(7);
  return relays;
}

TEST(Convert, relays_and_homes_come_back_as_they_went) {
  auto map = map_of_two();
  map.relays = two_relays();
  map.peers.begin()->second.home_relay = netmap::RelayId(2);
  const auto back = from_proto(to_proto(map));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(std::get<netmap::Netmap>(*back), map);
  netmap::Delta delta;
  delta.from = delta.to = map.version;
  delta.relays = map.relays;
  const auto change = from_proto(to_proto(delta));
  ASSERT_TRUE(change) << change.error().message();
  EXPECT_EQ(std::get<netmap::Delta>(*change), delta);
}

TEST(Convert, lock_and_endorsements_come_back_as_they_went) {
  auto map = map_of_two();
  map.lock = {{1, 2, 3}, {4}};
  map.self.endorsement = {5};
  map.peers.begin()->second.endorsement = Bytes(kMaxEndorsementBytes, 6);
  EXPECT_EQ(std::get<netmap::Netmap>(*from_proto(to_proto(map))), map);
  netmap::Delta delta;
  delta.from = delta.to = map.version;
  delta.lock = map.lock;
  EXPECT_EQ(std::get<netmap::Delta>(*from_proto(to_proto(delta))), delta);
  delta.lock->clear();  // a server that has lost it says so
  EXPECT_EQ(std::get<netmap::Delta>(*from_proto(to_proto(delta))), delta);
  // Whom a node's lock has left out is a peer to whoever stores the map.
  auto sorted = map;
  sorted.left_out.insert(sorted.peers.extract(sorted.peers.begin()->first));
  EXPECT_EQ(std::get<netmap::Netmap>(*from_proto(to_proto(sorted))), map);
}

TEST(Convert, lock_and_endorsements_are_bounded) {
  auto map = map_of_two();
  map.peers.begin()->second.endorsement = Bytes(kMaxEndorsementBytes + 1, 6);
  EXPECT_FALSE(from_proto(to_proto(map)));
  map = map_of_two();
  map.lock.resize(kMaxLockStatements + 1);
  EXPECT_FALSE(from_proto(to_proto(map)));
  map.lock = {Bytes(kMaxLockBytes + 1)};
  EXPECT_FALSE(from_proto(to_proto(map)));
}

TEST(Convert, relays_tls_port_counts_only_with_a_fingerprint_and_when_udp_has_another) {
  auto message = to_proto(two_relays());
  const auto& first = [&] { return from_proto(message)->known.begin()->second; };
  EXPECT_EQ(first().tls_port, Port(443));
  message.mutable_relays(0)->set_tls_fingerprint("too short");
  EXPECT_EQ(first().tls_port, Port());
  message.mutable_relays(0)->clear_tls_fingerprint();
  EXPECT_EQ(first().tls_port, Port()) << "of a relay of before";
  message = to_proto(two_relays());
  message.mutable_relays(0)->mutable_endpoints(1)->set_port(443);
  EXPECT_EQ(first().tls_port, Port());
  message.mutable_relays(0)->set_tls_port(65536);
  EXPECT_FALSE(from_proto(message));
}

TEST(Convert, relay_that_is_none_is_refused_and_a_ticket_of_another_length_left_out) {
  auto message = to_proto(two_relays());
  message.set_ticket("of a later version");
  const auto later = from_proto(message);
  ASSERT_TRUE(later);
  EXPECT_FALSE(later->ticket);
  message.mutable_relays(1)->set_id(1);
  EXPECT_FALSE(from_proto(message)) << "an id that appears twice";
  message.mutable_relays(1)->set_id(0);
  EXPECT_FALSE(from_proto(message));
  message.mutable_relays(1)->set_id(2);
  message.mutable_relays(1)->set_relay_key("short");
  EXPECT_FALSE(from_proto(message));
}

TEST(Convert, snapshot_delta_and_keepalive_round_trip) {
  const Update updates[] = {map_of_two(), delta_of_all(), Keepalive{{Epoch(1), Revision(3)}}};
  for (const auto& update : updates) {
    const auto message = std::visit([](const auto& value) { return to_proto(value); }, update);
    mesh::v1::NetmapUpdate parsed;
    ASSERT_TRUE(parsed.ParseFromString(message.SerializeAsString()));
    const auto back = from_proto(parsed);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_TRUE(*back == update);
  }
}

// What one agent is sent when a node joins a group (docs/benchmarks.md): the record of who joined,
// and the node itself when it was not in sight before.
TEST(Convert, a_new_member_of_a_group_fits_into_200_bytes) {
  netmap::Delta delta;
  delta.from = {Epoch(1), Revision(1'000'000)};
  delta.to = {Epoch(1), Revision(1'000'001)};
  delta.changed_sets = {{SetId(0xfedcba98), {NodeId(10'000)}, {}}};
  EXPECT_LE(to_proto(delta).ByteSizeLong(), 40U);
  auto peer = peer_of(2);
  peer.id = NodeId(10'000);
  peer.name = "web-10000";
  peer.user_name = "ada";
  peer.addresses = {*IpAddress::parse("100.64.39.16"), *IpAddress::parse("fd7a::2710")};
  peer.endpoints = {*Endpoint::parse("192.0.2.1:41641")};
  delta.upserted = {peer};
  EXPECT_LE(to_proto(delta).ByteSizeLong(), 200U);
}

TEST(Convert, absent_parts_of_a_delta_stay_absent) {
  netmap::Delta delta;
  delta.from = {Epoch(1), Revision(1)};
  delta.to = {Epoch(1), Revision(2)};
  const auto back = from_proto(to_proto(delta));
  ASSERT_TRUE(back);
  EXPECT_FALSE(std::get<netmap::Delta>(*back).self);
  EXPECT_TRUE(std::get<netmap::Delta>(*back) == delta);
}

struct Hostile {
  const char* name;
  void (*edit)(mesh::v1::Peer&);
  const char* says;
};

TEST(Convert, refuses_a_hostile_peer_and_says_why) {
  const Hostile cases[] = {
      {"id 0", [](auto& p) { p.set_node_id(0); }, "no id"},
      {"short key", [](auto& p) { p.set_node_key("abc"); }, "3 bytes instead of 32"},
      {"zero key", [](auto& p) { p.set_machine_key(std::string(32, 0)); }, "all zero"},
      {"no name", [](auto& p) { p.clear_name(); }, "name is empty"},
      {"long name", [](auto& p) { p.set_name(std::string(64, 'a')); }, "longer than 63"},
      {"escape in name", [](auto& p) { p.set_name("a\x1b[2J"); }, "control characters"},
      {"address of 5 bytes", [](auto& p) { p.set_addresses(0, "abcde"); }, "4 or 16 bytes"},
      {"0.0.0.0", [](auto& p) { p.set_addresses(0, std::string(4, 0)); }, "0.0.0.0"},
      {"no address", [](auto& p) { p.clear_addresses(); }, "no overlay address"},
      {"port 0", [](auto& p) { p.mutable_endpoints(0)->set_port(0); }, "port 0"},
      {"port 65536", [](auto& p) { p.mutable_endpoints(0)->set_port(65536); }, "port 65536"},
      {"multicast", [](auto& p) { p.mutable_endpoints(0)->set_address("\xe0\1\1\1"); },
       "224.1.1.1"},
      {"negative time", [](auto& p) { p.set_key_expires_at(-1); }, "time -1"},
      {"far time", [](auto& p) { p.set_key_expires_at(INT64_MAX); }, "between 1970 and 9999"},
      {"endpoints",
       [](auto& p) {
         for (int i = 0; i < 40; ++i) *p.add_endpoints() = p.endpoints(0);
       },
       "42 endpoints, at most 32"},
  };
  for (const auto& hostile : cases) {
    auto message = to_proto(peer_of(2));
    hostile.edit(message);
    const auto peer = from_proto(message);
    ASSERT_FALSE(peer) << hostile.name;
    EXPECT_EQ(peer.error().code(), ErrorCode::kInvalid) << hostile.name;
    EXPECT_NE(peer.error().message().find(hostile.says), std::string::npos)
        << hostile.name << ": " << peer.error().message();
  }
}

TEST(Convert, refuses_the_same_peer_twice) {
  auto snapshot = to_proto(map_of_two());
  *snapshot.mutable_snapshot()->add_peers() = to_proto(peer_of(2));
  EXPECT_FALSE(from_proto(snapshot));
  auto delta = to_proto(delta_of_all());
  delta.mutable_delta()->add_removed_node_ids(2);
  EXPECT_FALSE(from_proto(delta));
}

TEST(Convert, refuses_a_snapshot_without_self_and_an_update_without_body) {
  auto snapshot = to_proto(map_of_two());
  snapshot.mutable_snapshot()->clear_self();
  EXPECT_FALSE(from_proto(snapshot));
  EXPECT_FALSE(from_proto(mesh::v1::NetmapUpdate{}));
}

TEST(Convert, prefix_with_host_bits_or_impossible_length_is_refused) {
  auto message = to_proto(*Prefix::parse("10.0.0.0/8"));
  message.set_length(33);
  EXPECT_FALSE(from_proto(message));
  message.set_length(0xffffffff);
  EXPECT_FALSE(from_proto(message));
  message.set_length(4);
  EXPECT_FALSE(from_proto(message));
}

TEST(Status, every_error_code_survives_the_wire) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kSystem); ++i) {
    const Error error(static_cast<ErrorCode>(i), "what happened");
    const Error back = from_grpc(to_grpc(error));
    EXPECT_EQ(back.code(), error.code());
    EXPECT_EQ(back.message(), error.message());
  }
}

TEST(Status, foreign_codes_are_classed) {
  EXPECT_EQ(from_grpc({grpc::StatusCode::DEADLINE_EXCEEDED, "late"}).code(),
            ErrorCode::kUnavailable);
  EXPECT_EQ(from_grpc({grpc::StatusCode::UNKNOWN, "?"}).code(), ErrorCode::kSystem);
}

}  // namespace
}  // namespace kernmesh::rpc
