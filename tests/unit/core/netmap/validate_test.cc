// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/validate.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/core/netmap/sample_netmap.h"

namespace kernmesh::netmap {
namespace {

const OwnKeys kOwn{key<MachinePublicKey>(200, 1), key<NodePublicKey>(200, 2),
                   key<DiscoPublicKey>(200, 3)};

struct BadMap {
  const char* name;
  std::function<void(Netmap&)> spoil;
  ErrorCode code;
  const char* message;  // a part that must appear
};

Prefix prefix(const char* text) { return Prefix::parse(text).value(); }
IpAddress address(const char* text) { return IpAddress::parse(text).value(); }
Peer& peer(Netmap& map, std::uint64_t id) { return map.peers.at(NodeId(id)); }

const BadMap kBadMaps[] = {
    {"our_address_given_to_a_peer", [](Netmap& m) { peer(m, 2).addresses = m.self.addresses; },
     ErrorCode::kConflict, "peer 2 (\"node2\"): address 100.64.0.1 is also that of this node"},
    {"unspecified", [](Netmap& m) { peer(m, 2).addresses = {address("0.0.0.0")}; },
     ErrorCode::kInvalid, "peer 2 (\"node2\"): address 0.0.0.0 is unspecified"},
    {"unspecified_v6", [](Netmap& m) { peer(m, 2).addresses = {address("::")}; },
     ErrorCode::kInvalid, "address :: is unspecified"},
    {"loopback", [](Netmap& m) { peer(m, 2).addresses = {address("127.0.0.1")}; },
     ErrorCode::kInvalid, "127.0.0.1 is a loopback address"},
    {"link_local", [](Netmap& m) { peer(m, 2).addresses = {address("fe80::1")}; },
     ErrorCode::kInvalid, "fe80::1 is a link-local address"},
    {"multicast", [](Netmap& m) { peer(m, 2).addresses = {address("224.0.0.1")}; },
     ErrorCode::kInvalid, "224.0.0.1 is a multicast address"},
    {"v4_mapped", [](Netmap& m) { peer(m, 2).addresses = {address("::ffff:100.64.0.9")}; },
     ErrorCode::kInvalid, "is an IPv4-mapped IPv6 address"},
    {"outside_the_overlay", [](Netmap& m) { peer(m, 2).addresses = {address("8.8.8.8")}; },
     ErrorCode::kInvalid, "8.8.8.8 is outside every overlay prefix"},
    {"own_address_outside", [](Netmap& m) { m.self.addresses = {address("8.8.8.8")}; },
     ErrorCode::kInvalid, "this node: address 8.8.8.8 is outside every overlay prefix"},
    {"no_own_address", [](Netmap& m) { m.self.addresses.clear(); }, ErrorCode::kInvalid,
     "this node: address is missing"},
    {"no_overlay", [](Netmap& m) { m.self.overlay_prefixes.clear(); }, ErrorCode::kInvalid,
     "overlay prefix is missing"},
    {"default_route", [](Netmap& m) { m.self.overlay_prefixes = {prefix("0.0.0.0/0")}; },
     ErrorCode::kInvalid, "overlay prefix 0.0.0.0/0 is wider than the accepted /8"},
    {"wide_v4", [](Netmap& m) { m.self.overlay_prefixes.push_back(prefix("10.0.0.0/7")); },
     ErrorCode::kInvalid, "10.0.0.0/7 is wider than the accepted /8"},
    {"default_route_v6", [](Netmap& m) { m.self.overlay_prefixes.push_back(prefix("::/0")); },
     ErrorCode::kInvalid, "::/0 is wider than the accepted /32"},
    {"wide_v6", [](Netmap& m) { m.self.overlay_prefixes.push_back(prefix("fc00::/31")); },
     ErrorCode::kInvalid, "fc00::/31 is wider than the accepted /32"},
    {"class_e", [](Netmap& m) { m.self.overlay_prefixes.push_back(prefix("240.1.0.0/16")); },
     ErrorCode::kInvalid, "overlaps 240.0.0.0/4"},
    {"loopback_prefix", [](Netmap& m) { m.self.overlay_prefixes.push_back(prefix("127.0.0.0/8")); },
     ErrorCode::kInvalid, "overlaps 127.0.0.0/8"},
    {"link_local_prefix",
     [](Netmap& m) { m.self.overlay_prefixes.push_back(prefix("169.254.7.0/24")); },
     ErrorCode::kInvalid, "overlaps 169.254.0.0/16"},
    {"multicast_prefix", [](Netmap& m) { m.self.overlay_prefixes.push_back(prefix("ff02::/64")); },
     ErrorCode::kInvalid, "overlaps ff00::/8"},
    {"mapped_prefix", [](Netmap& m) { m.self.overlay_prefixes.push_back(prefix("::ffff:0:0/96")); },
     ErrorCode::kInvalid, "overlaps ::/8"},
    {"duplicate_node_key", [](Netmap& m) { peer(m, 3).node_key = peer(m, 2).node_key; },
     ErrorCode::kConflict, "is also that of peer 2 (\"node2\")"},
    {"duplicate_machine_key", [](Netmap& m) { peer(m, 3).machine_key = peer(m, 2).machine_key; },
     ErrorCode::kConflict, "peer 3 (\"node3\"): machine key"},
    {"duplicate_disco_key", [](Netmap& m) { peer(m, 3).disco_key = peer(m, 2).disco_key; },
     ErrorCode::kConflict, "peer 3 (\"node3\"): disco key"},
    {"duplicate_address", [](Netmap& m) { peer(m, 3).addresses = peer(m, 2).addresses; },
     ErrorCode::kConflict, "address 100.64.0.2 is also that of peer 2"},
    {"address_twice_in_a_peer",
     [](Netmap& m) { peer(m, 3).addresses.push_back(peer(m, 3).addresses[0]); },
     ErrorCode::kConflict, "is also that of peer 3"},
    {"duplicate_name_but_for_case", [](Netmap& m) { peer(m, 3).name = "NODE2"; },
     ErrorCode::kConflict, "name \"node2\" is also that of peer 2"},
    {"our_name", [](Netmap& m) { peer(m, 3).name = m.self.name; }, ErrorCode::kConflict,
     "is also that of this node"},
    {"our_node_id",
     [](Netmap& m) {
       Peer p = peer(m, 2);
       m.peers.erase(p.id);
       p.id = m.self.id;
       m.peers[p.id] = p;
     },
     ErrorCode::kConflict, "node id 1 is our own"},
    {"filed_under_another_id", [](Netmap& m) { peer(m, 2).id = NodeId(77); }, ErrorCode::kInvalid,
     "is filed under 2"},
    {"id_zero", [](Netmap& m) { peer(m, 2).id = NodeId(0); }, ErrorCode::kInvalid,
     "node id 0 is not in 1..16777213"},
    {"id_too_high", [](Netmap& m) { m.self.id = NodeId(16'777'214); }, ErrorCode::kInvalid,
     "this node: node id 16777214 is not in 1..16777213"},
    {"zero_node_key", [](Netmap& m) { peer(m, 2).node_key = {}; }, ErrorCode::kInvalid,
     "node key is all zero"},
    {"zero_machine_key", [](Netmap& m) { peer(m, 2).machine_key = {}; }, ErrorCode::kInvalid,
     "machine key is all zero"},
    {"zero_disco_key", [](Netmap& m) { peer(m, 2).disco_key = {}; }, ErrorCode::kInvalid,
     "disco key is all zero"},
    {"our_node_key", [](Netmap& m) { peer(m, 2).node_key = kOwn.node_key; }, ErrorCode::kConflict,
     "is also that of this node"},
    {"our_machine_key", [](Netmap& m) { peer(m, 2).machine_key = kOwn.machine_key; },
     ErrorCode::kConflict, "machine key"},
    {"long_name", [](Netmap& m) { peer(m, 2).name = std::string(64, 'a'); }, ErrorCode::kInvalid,
     "name has 64 bytes, at most 63"},
    {"empty_name", [](Netmap& m) { peer(m, 2).name.clear(); }, ErrorCode::kInvalid,
     "name is empty"},
    {"escape_sequence_in_name", [](Netmap& m) { peer(m, 2).name = "a\x1b[2Jb"; },
     ErrorCode::kInvalid, "peer 2: name holds a character"},
    {"escape_sequence_in_user_name", [](Netmap& m) { peer(m, 2).user_name = "a\x1b[2J"; },
     ErrorCode::kInvalid, "user name holds control characters"},
    {"too_many_addresses",
     [](Netmap& m) {
       for (int i = 0; i < 9; ++i)
         peer(m, 2).addresses.push_back(IpAddress::from_v4_number(0x64400100U + i));
     },
     ErrorCode::kExhausted, "addresses has 10 entries, at most 8"},
    {"too_many_endpoints", [](Netmap& m) { peer(m, 2).endpoints.resize(33); },
     ErrorCode::kExhausted, "endpoints has 33 entries, at most 32"},
    {"rule_zero", [](Netmap& m) { m.rules[RuleId(0)] = {}; }, ErrorCode::kInvalid, "id 0"},
    {"rule_under_another_id", [](Netmap& m) { m.rules[RuleId(4)] = sample_rule(5, 70); },
     ErrorCode::kInvalid, "rule 4: is filed under another id"},
    {"rule_of_a_missing_set", [](Netmap& m) { m.rules[RuleId(4)] = sample_rule(4, 71); },
     ErrorCode::kInvalid, "rule 4: names set 71, which the map has not"},
    {"ports_backwards",
     [](Netmap& m) {
       m.rules[RuleId(7)].targets[0].services[0].ports = {{80, 22}};
     },
     ErrorCode::kInvalid, "rule 7: a range of ports runs backwards"},
    {"member_zero", [](Netmap& m) { m.sets[SetId(70)].members = {NodeId(0)}; }, ErrorCode::kInvalid,
     "set 70: member 0 is not in 1.."},
    {"members_out_of_order",
     [](Netmap& m) {
       m.sets[SetId(70)].members = {NodeId(3), NodeId(2)};
     },
     ErrorCode::kInvalid, "set 70: its members are not in order"},
};

TEST(Validate, c6_accepts_a_sound_map) {
  const auto status = validate(sample_netmap(5), kOwn, {});
  EXPECT_TRUE(status) << status.error().message();
}

TEST(Validate, c6_refuses_with_peer_field_and_value) {
  for (const auto& bad : kBadMaps) {
    SCOPED_TRACE(bad.name);
    auto map = sample_netmap(5);
    bad.spoil(map);
    const auto status = validate(map, kOwn, {});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), bad.code) << status.error().message();
    EXPECT_NE(status.error().message().find(bad.message), std::string::npos)
        << status.error().message();
  }
}

TEST(Validate, c6_nonsense_endpoint_of_one_peer_does_not_cost_the_map) {
  auto map = sample_netmap(3);
  peer(map, 2).endpoints = {{address("127.0.0.1"), Port(0)}, {address("255.255.255.255"), Port(9)}};
  EXPECT_TRUE(validate(map, kOwn, {}));
}

Relay relay_of(std::uint32_t id) {
  Relay relay;
  relay.id = RelayId(id);
  relay.name = "fra" + std::to_string(id);
  relay.key = key<RelayPublicKey>(static_cast<std::uint8_t>(id), 9);
  relay.endpoints = {Endpoint::parse("192.0.2.9:3478").value()};
  return relay;
}

TEST(Validate, c6_relays_have_ids_keys_and_names_of_their_own) {
  auto good = sample_netmap(3);
  good.relays.known = {{RelayId(1), relay_of(1)}, {RelayId(2), relay_of(2)}};
  EXPECT_TRUE(validate(good, kOwn, {}));
  const std::function<void(Relay&)> spoilers[] = {
      [](Relay& r) { r.id = RelayId(7); },
      [](Relay& r) { r.key = {}; },
      [](Relay& r) { r.key = relay_of(1).key; },
      [](Relay& r) { r.name = "a\x1b[2J"; },
      [](Relay& r) { r.name = ""; },
      [](Relay& r) { r.endpoints.resize(9, r.endpoints[0]); }};
  for (const auto& spoil : spoilers) {
    auto bad = good;
    spoil(bad.relays.known.at(RelayId(2)));
    const auto refused = validate(bad, kOwn, {});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("relay"), std::string::npos);
  }
}

TEST(Validate, c6_nonsense_endpoint_of_a_relay_is_left_out_and_costs_no_map) {
  auto map = sample_netmap(3);
  auto relay = relay_of(1);
  relay.endpoints.clear();
  for (const char* text : {"127.0.0.1:53", "169.254.169.254:80", "[fe80::1]:3478", "224.0.0.1:1",
                           "100.64.0.7:3478", "192.0.2.9:3478"})
    relay.endpoints.push_back(Endpoint::parse(text).value());
  map.relays.known = {{RelayId(1), relay}};
  EXPECT_TRUE(validate(map, kOwn, {}));
  EXPECT_EQ(usable_endpoints(relay, map.self),
            std::vector{Endpoint::parse("192.0.2.9:3478").value()});
}

TEST(Validate, c6_accepts_the_last_node_id) {
  auto map = sample_netmap(3);
  map.self.id = NodeId(kLastNodeId);
  EXPECT_TRUE(validate(map, kOwn, {}));
}

TEST(Validate, c6_counts_before_it_looks_at_elements) {
  auto map = sample_netmap(5);
  Limits limits;
  limits.peers = 3;
  peer(map, 2).node_key = {};
  const auto status = validate(map, kOwn, limits);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kExhausted);
  EXPECT_NE(status.error().message().find("4 peers, at most 3"), std::string::npos)
      << status.error().message();
}

TEST(Validate, c6_bounds_rules_sets_and_what_is_in_them) {
  auto map = sample_netmap(3);
  for (const std::uint32_t id : {1U, 2U, 7U}) map.rules[RuleId(id)] = sample_rule(id, 70);
  const auto refused = [&](std::size_t Limits::*bound, std::size_t needed) {
    Limits limits;
    limits.*bound = needed;
    EXPECT_TRUE(validate(map, kOwn, limits));
    limits.*bound = needed - 1;
    EXPECT_EQ(validate(map, kOwn, limits).error().code(), ErrorCode::kExhausted);
  };
  refused(&Limits::rules, 3);
  refused(&Limits::rule_parts, 9);  // each: one source, one target, one service
  refused(&Limits::sets, 1);
  refused(&Limits::set_parts, 2);
}

TEST(Validate, c6_a_hundred_thousand_peers_are_accepted) {
  EXPECT_TRUE(validate(sample_netmap(100'001), kOwn, {}));
  EXPECT_EQ(validate(sample_netmap(100'002), kOwn, {}).error().code(), ErrorCode::kExhausted);
}

}  // namespace
}  // namespace kernmesh::netmap
