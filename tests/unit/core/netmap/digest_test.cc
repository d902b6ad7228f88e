// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/digest.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace kernmesh::netmap {
namespace {

Peer peer_of(std::uint64_t id) {
  Peer peer;
  peer.id = NodeId(id);
  peer.name = "n" + std::to_string(id);
  peer.user_id = UserId(1);
  peer.user_name = "ann";
  peer.addresses = {IpAddress::from_v4_number(0x64400000 + static_cast<std::uint32_t>(id))};
  peer.endpoints = {*Endpoint::parse("192.0.2.1:4500")};
  return peer;
}

TEST(PeersDigest, does_not_depend_on_the_order_of_arrival) {
  const auto a = peer_digest(peer_of(1));
  const auto b = peer_digest(peer_of(2));
  EXPECT_EQ(a ^ b, b ^ a);
  std::map<NodeId, Peer> peers{{NodeId(1), peer_of(1)}, {NodeId(2), peer_of(2)}};
  EXPECT_EQ(peers_digest(peers), a ^ b);
  EXPECT_EQ(peers_digest({}), Digest{});
}

TEST(PeerDigest, every_field_that_matters_changes_it) {
  const std::vector<std::function<void(Peer&)>> edits = {
      [](Peer& p) { p.id = NodeId(9); },
      [](Peer& p) { p.name = "other"; },
      [](Peer& p) { p.user_id = UserId(2); },
      [](Peer& p) { p.user_name = "bob"; },
      [](Peer& p) { p.machine_key = MachinePublicKey({1}); },
      [](Peer& p) { p.node_key = NodePublicKey({1}); },
      [](Peer& p) { p.disco_key = DiscoPublicKey({1}); },
      [](Peer& p) { p.endorsement = {1}; },
      [](Peer& p) { p.addresses.push_back(*IpAddress::parse("fd00::1")); },
      [](Peer& p) { p.endpoints.clear(); },
      [](Peer& p) { p.endpoints[0].port = Port(1); },
      [](Peer& p) { p.key_expires_at = WallTime(std::chrono::seconds(5)); },
  };
  const auto base = peer_digest(peer_of(1));
  for (std::size_t i = 0; i < edits.size(); ++i) {
    auto peer = peer_of(1);
    edits[i](peer);
    EXPECT_NE(peer_digest(peer), base) << "edit " << i;
  }
}

TEST(PeerDigest, online_does_not_change_it) {
  auto peer = peer_of(1);
  const auto base = peer_digest(peer);
  peer.online = true;
  EXPECT_EQ(peer_digest(peer), base);
}

TEST(SelfDigest, does_not_confuse_neighbouring_texts) {
  Self a;
  a.name = "ab";
  a.user_name = "c";
  Self b;
  b.name = "a";
  b.user_name = "bc";
  b.user_id = a.user_id;
  EXPECT_NE(self_digest(a), self_digest(b));
}

TEST(SelfDigest, each_mark_changes_it) {
  std::set<Digest> seen{self_digest(Self())};
  for (int marks = 1; marks < 8; ++marks) {
    Self self;
    self.awaits_approval = (marks & 1) != 0;
    self.key_rotation_due = (marks & 2) != 0;
    self.machine_key_shared = (marks & 4) != 0;
    EXPECT_TRUE(seen.insert(self_digest(self)).second) << marks;
  }
}

TEST(RulesDigest, tells_content_and_not_place) {
  Rule rule;
  rule.id = RuleId(5);
  rule.sources = {SetId(1)};
  rule.line = 3;
  const auto base = rule_digest(rule);
  rule.line = 4;
  rule.policy_revision = 9;
  EXPECT_EQ(rule_digest(rule), base);
  rule.targets = {{policy::TargetKind::kAny, {}, {{{6}, {{22, 22}}}}}};
  const auto with_target = rule_digest(rule);
  EXPECT_NE(with_target, base);
  rule.targets[0].services[0].ports[0].last = 23;
  EXPECT_NE(rule_digest(rule), with_target);
  EXPECT_NE(rules_digest({{rule.id, rule}}), rules_digest({}));
}

TEST(SetsDigest, moves_with_who_joins_and_leaves) {
  const SourceSet one{SetId(1), {NodeId(2)}, {}};
  const SourceSet two{SetId(1), {NodeId(2), NodeId(3)}, {}};
  const SourceSet other{SetId(4), {NodeId(2)}, {}};
  EXPECT_EQ(set_digest(one) ^ member_digest(SetId(1), NodeId(3)), set_digest(two));
  EXPECT_NE(set_digest(one), set_digest(other));
  EXPECT_EQ(sets_digest({{SetId(1), one}, {SetId(4), other}}), set_digest(one) ^ set_digest(other));
}

// A changed encoding would make every agent of an older version fetch snapshots for ever.
TEST(LockDigest, tells_every_statement_in_its_place) {
  const std::set<Digest> digests{lock_digest({}), lock_digest({{1}}), lock_digest({{1}, {2}}),
                                 lock_digest({{2}, {1}}), lock_digest({{1, 2}})};
  EXPECT_EQ(digests.size(), 5u);
}

// What the server sent is what it is asked about, whoever of it was taken in.
TEST(PeersDigest, who_is_left_out_counts) {
  Netmap map;
  map.peers = {{NodeId(1), peer_of(1)}, {NodeId(2), peer_of(2)}};
  const auto all = section_digests(map);
  map.left_out.insert(map.peers.extract(NodeId(2)));
  EXPECT_EQ(section_digests(map), all);
}

TEST(PeerDigest, encoding_is_pinned) {
  EXPECT_EQ(to_hex(peer_digest(peer_of(1))).substr(0, 16), "4c218c971da43c11");
}

}  // namespace
}  // namespace kernmesh::netmap
