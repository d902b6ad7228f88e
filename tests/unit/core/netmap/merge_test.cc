// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/merge.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "controller/core/netmap/digest.h"
#include "tests/unit/core/netmap/sample_netmap.h"

namespace kernmesh::netmap {
namespace {

MapVersion version(std::uint64_t epoch, std::uint64_t revision) {
  return {Epoch(epoch), Revision(revision)};
}

Netmap at(MapVersion v, std::uint32_t nodes = 3) {
  auto map = sample_netmap(nodes);
  map.version = v;
  return map;
}

Delta step(const Netmap& held) {
  return {held.version, {held.version.epoch, Revision(held.version.revision.value() + 1)},
          {},           {},
          {},           {}};
}

TEST(Snapshot, first_one_is_taken) {
  const auto next = apply_snapshot(std::nullopt, at(version(1, 10)), {});
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, at(version(1, 10)));
}

TEST(Snapshot, c6_order_of_versions_decides) {
  const std::optional<Netmap> held = at(version(2, 10));
  struct Row {
    MapVersion incoming;
    bool accepted;
  };
  for (const auto& row :
       {Row{version(2, 10), true}, Row{version(2, 11), true}, Row{version(3, 1), true},
        Row{version(2, 9), false}, Row{version(1, 99), false}, Row{version(0, 0), false}}) {
    const auto next = apply_snapshot(held, at(row.incoming, 5), {});
    EXPECT_EQ(next.has_value(), row.accepted) << to_string(row.incoming.revision);
    if (!next) {
      EXPECT_EQ(next.error().code(), ErrorCode::kConflict);
    }
  }
}

TEST(Delta, lock_is_replaced_whole_also_when_the_network_stays_as_it_is) {
  const auto held = at(version(1, 10));
  Delta delta = step(held);
  delta.to = delta.from;
  delta.lock = {{1, 2}, {3}};
  const auto next = apply_delta(held, delta, {});
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(next->lock, *delta.lock);
  EXPECT_FALSE(touched_by(delta)) << "whom it lets in may be anybody";
  delta.removed = {NodeId(2)};
  EXPECT_FALSE(apply_delta(held, delta, {}));
}

// They are the server's peers all the same: changed, removed, judged anew by whoever left them out.
TEST(Delta, who_was_left_out_is_there_again) {
  auto held = at(version(1, 10), 5);
  const auto first = held.peers.begin()->first;
  const auto last = held.peers.rbegin()->first;
  held.left_out.insert(held.peers.extract(first));
  held.left_out.insert(held.peers.extract(last));
  Delta delta = step(held);
  delta.removed = {last};
  const auto next = apply_delta(held, delta, {});
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_TRUE(next->left_out.empty());
  EXPECT_TRUE(next->peers.contains(first));
  EXPECT_FALSE(next->peers.contains(last));
}

TEST(Delta, relays_are_replaced_whole_also_when_the_network_stays_as_it_is) {
  const auto held = at(version(1, 10));
  Delta delta = step(held);
  delta.to = delta.from;
  EXPECT_FALSE(apply_delta(held, delta, {})) << "a change to the same version changes something";
  Relays relays;
  relays.known[RelayId(1)].id = RelayId(1);
  relays.known[RelayId(1)].name = "fra1";
  relays.known[RelayId(1)].key = key<RelayPublicKey>(1, 9);
  relays.ticket.emplace();
  delta.relays = relays;
  const auto next = apply_delta(held, delta, {});
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(next->relays, relays);
  EXPECT_EQ(next->version, held.version);
  delta.removed = {NodeId(2)};
  EXPECT_FALSE(apply_delta(held, delta, {})) << "peers do not change without a new version";
  EXPECT_NE(section_digests(*next).relays, section_digests(held).relays);
}

TEST(Snapshot, c6_unsound_map_is_refused_and_says_which_version) {
  auto bad = at(version(1, 12));
  bad.peers.at(NodeId(2)).node_key = {};
  const auto next = apply_snapshot(at(version(1, 10)), bad, {});
  ASSERT_FALSE(next);
  EXPECT_NE(next.error().message().find("snapshot of version 1.12: peer 2"), std::string::npos)
      << next.error().message();
}

TEST(DeltaMerge, changes_adds_and_removes) {
  const auto held = at(version(1, 10), 4);
  auto delta = step(held);
  auto moved = sample_peer(3);
  moved.endpoints.clear();
  delta.upserted = {moved, sample_peer(9)};
  delta.removed = {NodeId(2), NodeId(1234)};
  delta.removed_rules = {RuleId(7)};
  const auto next = apply_delta(held, delta, {});
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(next->version, version(1, 11));
  EXPECT_EQ(next->peers.size(), 3U);
  EXPECT_FALSE(next->peers.contains(NodeId(2)));
  EXPECT_EQ(next->peers.at(NodeId(3)), moved);
  EXPECT_TRUE(next->rules.empty());
  EXPECT_TRUE(next->sets.empty());  // nobody names it any more
  EXPECT_EQ(next->self, held.self);
}

TEST(DeltaMerge, a_member_that_joins_changes_its_set_and_no_rule) {
  const auto held = at(version(1, 10), 4);
  auto delta = step(held);
  delta.changed_sets = {{SetId(70), {NodeId(4), NodeId(3)}, {NodeId(2)}}};
  const auto next = apply_delta(held, delta, {});
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(next->sets.at(SetId(70)).members, (std::vector{NodeId(3), NodeId(4)}));
  EXPECT_EQ(next->sets.at(SetId(70)).prefixes, held.sets.at(SetId(70)).prefixes);
  EXPECT_EQ(next->rules, held.rules);
  EXPECT_EQ(touched_by(delta)->peers.size(), 0U);
}

TEST(DeltaMerge, refuses_a_change_of_a_set_that_is_not_held) {
  const auto held = at(version(1, 10), 4);
  auto delta = step(held);
  delta.changed_sets = {{SetId(71), {NodeId(3)}, {}}};
  EXPECT_EQ(apply_delta(held, delta, {}).error().code(), ErrorCode::kConflict);
}

TEST(DeltaMerge, a_rule_comes_with_its_set) {
  const auto held = at(version(1, 10), 4);
  auto delta = step(held);
  delta.upserted_rules = {sample_rule(8, 71)};
  EXPECT_FALSE(apply_delta(held, delta, {}));
  delta.upserted_sets = {{SetId(71), {NodeId(3)}, {}}};
  const auto next = apply_delta(held, delta, {});
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_EQ(next->sets.size(), 2U);
}

TEST(DeltaMerge, an_address_can_pass_from_a_removed_peer_to_a_new_one) {
  const auto held = at(version(1, 10), 4);
  auto delta = step(held);
  delta.removed = {NodeId(2)};
  delta.upserted = {sample_peer(9)};
  delta.upserted[0].addresses = held.peers.at(NodeId(2)).addresses;
  EXPECT_TRUE(apply_delta(held, delta, {}));
}

TEST(DeltaMerge, refuses_versions_that_do_not_follow) {
  const auto held = at(version(2, 10));
  struct Row {
    MapVersion from, to;
  };
  for (const auto& row :
       {Row{version(2, 9), version(2, 11)}, Row{version(2, 11), version(2, 12)},
        Row{version(1, 10), version(1, 11)}, Row{version(2, 10), version(2, 10)},
        Row{version(2, 10), version(2, 9)}, Row{version(2, 10), version(3, 11)}}) {
    auto delta = step(held);
    delta.from = row.from;
    delta.to = row.to;
    const auto next = apply_delta(held, delta, {});
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code(), ErrorCode::kConflict);
  }
}

TEST(DeltaMerge, refuses_a_peer_named_twice) {
  const auto held = at(version(1, 10));
  auto delta = step(held);
  delta.upserted = {sample_peer(9), sample_peer(9)};
  EXPECT_EQ(apply_delta(held, delta, {}).error().message(), "the delta names peer 9 twice");
  delta.upserted = {sample_peer(2)};
  delta.removed = {NodeId(2)};
  EXPECT_FALSE(apply_delta(held, delta, {}));
}

TEST(DeltaMerge, refuses_more_names_than_it_would_sort) {
  const auto held = at(version(1, 10));
  auto delta = step(held);
  MergeRules rules;
  rules.limits.peers = 4;
  delta.removed.resize(9);
  EXPECT_EQ(apply_delta(held, delta, rules).error().code(), ErrorCode::kExhausted);
}

TEST(DeltaMerge, refuses_to_hijack_through_a_delta) {
  const auto held = at(version(1, 10));
  auto delta = step(held);
  delta.upserted = {sample_peer(9)};
  delta.upserted[0].addresses = held.self.addresses;
  const auto next = apply_delta(held, delta, {});
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().message(),
            "delta from version 1.10 to 1.11: peer 9 (\"node9\"): address 100.64.0.1 is also that "
            "of this node");
}

// Any path of deltas gives the map that a snapshot of the last state would have given.
TEST(DeltaMerge, deltas_and_snapshot_agree) {
  EXPECT_TRUE(rc::check("deltas and snapshot agree", [] {
    auto held = sample_netmap(3);
    auto expected = held;
    const int steps = *rc::gen::inRange(1, 20);
    for (int i = 0; i < steps; ++i) {
      auto delta = step(held);
      const auto drawn = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(2U, 30U));
      const std::set<std::uint32_t> ids(drawn.begin(), drawn.end());
      for (const auto id : ids) {
        if (*rc::gen::arbitrary<bool>()) {
          delta.removed.emplace_back(id);
          expected.peers.erase(NodeId(id));
        } else {
          auto peer = sample_peer(id);
          peer.online = *rc::gen::arbitrary<bool>();
          delta.upserted.push_back(peer);
          expected.peers[NodeId(id)] = peer;
        }
      }
      expected.version = delta.to;
      auto next = apply_delta(held, delta, {});
      RC_ASSERT(next.has_value());
      held = std::move(next).value();
    }
    RC_ASSERT(held == expected);
    RC_ASSERT(apply_snapshot(sample_netmap(3), expected, {}).has_value());
  }));
}

}  // namespace
}  // namespace kernmesh::netmap
