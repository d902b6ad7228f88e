// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/network.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <stdexcept>

#include "controller/core/netmap/merge.h"
#include "controller/core/policy/parse.h"

namespace kernmesh::topology {
namespace {

const OverlayRange kRange{*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a::/48")};

std::shared_ptr<const policy::CompiledPolicy> policy_of(std::string_view text,
                                                        std::uint32_t revision = 1) {
  policy::Diagnostics diagnostics;
  const auto document = policy::parse(text, diagnostics);
  if (!document) throw std::runtime_error(diagnostics.first_error().message);
  auto compiled = *policy::compile(*document);
  compiled.revision = revision;
  return std::make_shared<const policy::CompiledPolicy>(std::move(compiled));
}

constexpr std::string_view kEverybody =
    R"({"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]})";

// Groups that differ in who is in them, rules that come and go, own devices, prefixes, tags.
constexpr std::string_view kPolicies[] = {
    kEverybody,
    R"({"acls": [{"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self:*"]}]})",
    R"({"tagOwners": {"tag:a": [], "tag:b": []}, "groups": {"group:g": ["u1@", "u2@"]},
        "acls": [{"action": "accept", "src": ["group:g"], "dst": ["tag:a:22"]},
                 {"action": "accept", "src": ["*"], "dst": ["autogroup:self:80"]}]})",
    R"({"tagOwners": {"tag:a": [], "tag:b": []}, "groups": {"group:g": ["u3@"]},
        "acls": [{"action": "accept", "src": ["group:g"], "dst": ["tag:a:22"]},
                 {"action": "accept", "src": ["*"], "dst": ["autogroup:self:80"]}]})",
    R"({"tagOwners": {"tag:a": [], "tag:b": []}, "groups": {"group:g": ["u3@"]},
        "acls": [{"action": "accept", "src": ["tag:b", "100.64.0.2"], "dst": ["group:g:*"]},
                 {"action": "accept", "src": ["group:g"], "dst": ["tag:a:22"]}]})",
    R"({"acls": []})",
    R"({"tagOwners": {"tag:a": [], "tag:b": []}, "groups": {"group:g": ["u2@"]},
        "ssh": [{"action": "accept", "src": ["group:g"], "dst": ["tag:a"], "users": ["root"]},
                {"action": "check", "src": ["autogroup:member"], "dst": ["autogroup:self"],
                 "users": ["localpart:*@example.com", "root"]}],
        "acls": [{"action": "accept", "src": ["*"], "dst": ["tag:b:*"]}]})",
};

Node node_of(std::uint8_t id, NodeState state, std::uint16_t port) {
  Node node;
  node.id = NodeId(id);
  node.name = "n" + std::to_string(id);
  node.user_id = UserId(1);
  node.state = state;
  node.machine_key = MachinePublicKey({id});
  node.node_key = NodePublicKey({id});
  node.disco_key = DiscoPublicKey({id});
  node.addresses = addresses_of(kRange, id);
  node.endpoints = {{*IpAddress::parse("192.0.2.1"), Port(port)}};
  return node;
}

std::vector<User> users() {
  return {
      {UserId(1), "u1", {}, "", {}}, {UserId(2), "u2", {}, "", {}}, {UserId(3), "u3", {}, "", {}}};
}

// One random step: a node comes, changes, expires, comes back or goes; or another policy.
NetworkChange random_change(MapVersion version) {
  NetworkChange change{version, {}, {}, {}, {}, {}};
  const auto id = *rc::gen::inRange<int>(1, 7);
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      change.removed_nodes = {NodeId(static_cast<std::uint64_t>(id))};
      break;
    case 1:
      change.policy = policy_of(kPolicies[*rc::gen::inRange<std::size_t>(0, std::size(kPolicies))],
                                static_cast<std::uint32_t>(version.revision.value()));
      break;
    default: {
      auto node = node_of(static_cast<std::uint8_t>(id),
                          *rc::gen::element(NodeState::kApproved, NodeState::kApproved,
                                            NodeState::kExpired, NodeState::kPending),
                          *rc::gen::inRange<std::uint16_t>(1, 4));
      node.user_id = UserId(*rc::gen::inRange<std::uint64_t>(1, 4));
      node.online = *rc::gen::arbitrary<bool>();
      static const std::vector<std::string> kTags[] = {
          {}, {}, {"tag:a"}, {"tag:b"}, {"tag:a", "tag:b"}};
      node.tags = kTags[*rc::gen::inRange<std::size_t>(0, std::size(kTags))];
      change.nodes = {node};
    }
  }
  return change;
}

// By digests, which say everything but a rule's place in a file.
void assert_same(const netmap::Netmap& moved, const netmap::Netmap& whole) {
  RC_ASSERT(moved.peers == whole.peers);
  RC_ASSERT(moved.version == whole.version);
  const auto a = netmap::section_digests(moved), b = netmap::section_digests(whole);
  RC_ASSERT(moved.self == whole.self);
  RC_ASSERT(to_hex(a.rules) == to_hex(b.rules));
  RC_ASSERT(moved.sets == whole.sets);
  RC_ASSERT(a == b);
}

netmap::Netmap moved_by(const netmap::Delta& delta, const netmap::Netmap& map) {
  if (delta.from == delta.to) return map;
  const auto moved = netmap::apply_delta(map, delta, {});
  if (!moved) RC_FAIL(moved.error().message());
  return *moved;
}

// The slow oracle of delta and digest is the snapshot.
TEST(Network, every_older_view_moved_by_its_delta_is_the_new_snapshot) {
  std::size_t deltas = 0, after_policies = 0;
  ASSERT_TRUE(rc::check([&] {
    Network network(kRange, {Epoch(1), Revision(10)}, /*history=*/6);
    network.apply({{Epoch(1), Revision(10)}, users(), {}, {}, {}, policy_of(kEverybody)});
    std::vector<std::map<NodeId, netmap::Netmap>> views;
    bool new_policy = false;
    for (std::uint64_t revision = 11; revision < 25; ++revision) {
      const auto change = random_change({Epoch(1), Revision(revision)});
      new_policy = new_policy || change.policy != nullptr;
      network.apply(change);
      auto& now = views.emplace_back();
      for (const auto& [id, node] : network.nodes()) now[id] = network.snapshot_for(id);
      for (const auto& older : views) {
        for (const auto& [id, map] : older) {
          if (network.find(id) == nullptr) continue;
          if (const auto delta = network.delta_for(id, map.version)) {
            assert_same(moved_by(*delta, map), now[id]);
            ++deltas;
            after_policies += new_policy ? 1U : 0U;
          }
          if (!network.matches(id, map.version, netmap::section_digests(map))) continue;
          auto wrong = netmap::section_digests(map);
          wrong.peers[3] ^= 1;
          RC_ASSERT(!network.matches(id, map.version, wrong));
        }
      }
      for (const auto& [id, map] : now) {
        RC_ASSERT(network.matches(id, map.version, netmap::section_digests(map)));
      }
    }
  }));
  EXPECT_GT(deltas, 3'000U);
  EXPECT_GT(after_policies, 1'000U);
}

// The policy is planned ahead, sometimes for a state that has passed when the change comes.
TEST(Network, a_planned_policy_does_what_the_same_one_does_without_a_plan) {
  std::size_t ready = 0, late = 0;
  ASSERT_TRUE(rc::check([&] {
    Network planned(kRange, {Epoch(1), Revision(10)}, /*history=*/6);
    Network plain(kRange, {Epoch(1), Revision(10)}, /*history=*/6);
    for (auto* network : {&planned, &plain}) {
      network->apply({{Epoch(1), Revision(10)}, users(), {}, {}, {}, policy_of(kEverybody)});
    }
    std::uint64_t revision = 10;
    const auto apply = [&](NetworkChange change, PolicyPlan plan) {
      change.version.revision = Revision(++revision);
      planned.apply(change, std::move(plan));
      plain.apply(change);
      for (const auto& [id, node] : plain.nodes()) {
        RC_ASSERT(planned.snapshot_for(id) == plain.snapshot_for(id));
        for (std::uint64_t from = 10; from < revision; ++from) {
          const MapVersion held{Epoch(1), Revision(from)};
          RC_ASSERT(planned.delta_for(id, held) == plain.delta_for(id, held));
          RC_ASSERT(planned.may_concern(id, held, plain.version()) ==
                    plain.may_concern(id, held, plain.version()));
        }
      }
    };
    for (int i = 0; i < 14; ++i) {
      const auto change = random_change({Epoch(1), Revision(revision)});
      PolicyPlan plan;
      if (change.policy != nullptr) {
        plan = planned.plan(change.policy);
        const bool overtaken = *rc::gen::arbitrary<bool>();
        if (overtaken) apply(random_change({Epoch(1), Revision(revision)}), {});
        if (plan.view != nullptr) ++(overtaken ? late : ready);
      }
      apply(change, std::move(plan));
    }
  }));
  EXPECT_GT(ready, 20U);
  EXPECT_GT(late, 20U);
}

// A held map that the server's history explains is resumed from; one of a forged section is not.
TEST(Network, a_match_means_that_the_delta_leads_on) {
  ASSERT_TRUE(rc::check([] {
    Network network(kRange, {Epoch(1), Revision(10)}, /*history=*/30);
    network.apply({{Epoch(1), Revision(10)}, users(), {}, {}, {}, policy_of(kPolicies[2])});
    std::map<NodeId, netmap::Netmap> held;
    for (std::uint64_t revision = 11; revision < 30; ++revision) {
      network.apply(random_change({Epoch(1), Revision(revision)}));
      for (auto& [id, map] : held) {
        if (network.find(id) == nullptr) continue;
        auto digests = netmap::section_digests(map);
        if (!network.matches(id, map.version, digests)) continue;
        const auto delta = network.delta_for(id, map.version);
        RC_ASSERT(delta.has_value());
        assert_same(moved_by(*delta, map), network.snapshot_for(id));
        digests.sets[0] ^= 1;
        RC_ASSERT(!network.matches(id, map.version, digests));
      }
      if (revision % 4 == 0) {
        for (const auto& [id, node] : network.nodes()) held[id] = network.snapshot_for(id);
      }
    }
  }));
}

// A new member of a group: one record for those whom its rules concern, nothing for the others.
TEST(Network, a_user_that_joins_a_group_costs_a_record_where_it_matters) {
  constexpr std::string_view kOne = R"({"tagOwners": {"tag:a": [], "tag:b": []},
      "groups": {"group:g": ["u1@"], "group:all": ["u1@", "u2@"]},
      "acls": [{"action": "accept", "src": ["group:g"], "dst": ["tag:a:22"]},
               {"action": "accept", "src": ["group:all"], "dst": ["tag:a:80", "tag:b:80"]}]})";
  constexpr std::string_view kTwo = R"({"tagOwners": {"tag:a": [], "tag:b": []},
      "groups": {"group:g": ["u1@", "u2@"], "group:all": ["u1@", "u2@"]},
      "acls": [{"action": "accept", "src": ["group:g"], "dst": ["tag:a:22"]},
               {"action": "accept", "src": ["group:all"], "dst": ["tag:a:80", "tag:b:80"]}]})";
  Network network(kRange, {Epoch(1), Revision(1)});
  auto nodes =
      std::vector{node_of(1, NodeState::kApproved, 1), node_of(2, NodeState::kApproved, 1),
                  node_of(3, NodeState::kApproved, 1), node_of(4, NodeState::kApproved, 1)};
  nodes[1].user_id = UserId(2);
  nodes[2].tags = {"tag:a"};
  nodes[3].tags = {"tag:b"};
  network.apply({{Epoch(1), Revision(2)}, users(), nodes, {}, {}, policy_of(kOne, 1)});
  network.apply({{Epoch(1), Revision(3)}, {}, {}, {}, {}, policy_of(kTwo, 2)});
  const MapVersion from{Epoch(1), Revision(2)};
  const auto concerned = network.delta_for(NodeId(3), from);
  ASSERT_TRUE(concerned);
  EXPECT_TRUE(concerned->upserted.empty());
  EXPECT_TRUE(concerned->upserted_rules.empty());
  EXPECT_TRUE(concerned->upserted_sets.empty());
  ASSERT_EQ(concerned->changed_sets.size(), 1U);
  EXPECT_EQ(concerned->changed_sets[0].joined, std::vector{NodeId(2)});
  for (const std::uint64_t other : {1, 2, 4}) {
    const auto delta = network.delta_for(NodeId(other), from);
    ASSERT_TRUE(delta);
    EXPECT_EQ(*delta, (netmap::Delta{from, network.version(), {}, {}, {}, {}, {}, {}, {}, {}}))
        << other;
  }
}

TEST(Network, only_whom_a_change_concerns_is_behind_without_it) {
  Network network(kRange, {Epoch(1), Revision(1)});
  constexpr std::string_view kOwn =
      R"({"acls": [{"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self:*"]}]})";
  auto nodes = std::vector{node_of(1, NodeState::kApproved, 1), node_of(2, NodeState::kApproved, 1),
                           node_of(3, NodeState::kApproved, 1)};
  nodes[2].user_id = UserId(2);
  network.apply({{Epoch(1), Revision(2)}, users(), nodes, {}, {}, policy_of(kOwn)});
  network.apply({{Epoch(1), Revision(3)}, {}, {node_of(2, NodeState::kApproved, 7)}, {}, {}, {}});
  const MapVersion held{Epoch(1), Revision(2)};
  EXPECT_TRUE(network.is_behind(NodeId(1), held, network.version()));
  EXPECT_FALSE(network.is_behind(NodeId(3), held, network.version()));
  EXPECT_FALSE(network.is_behind(NodeId(1), held, held));
  EXPECT_FALSE(network.is_behind(NodeId(1), network.version(), network.version()));
  // One that holds what the history does not reach counts as behind.
  EXPECT_TRUE(network.is_behind(NodeId(3), {Epoch(0), Revision(9)}, network.version()));
}

TEST(Network, without_a_policy_nobody_sees_anybody) {
  Network network(kRange, {Epoch(1), Revision(1)});
  network.apply({{Epoch(1), Revision(2)},
                 users(),
                 {node_of(1, NodeState::kApproved, 1), node_of(2, NodeState::kApproved, 1)},
                 {},
                 {},
                 {}});
  EXPECT_TRUE(network.snapshot_for(NodeId(1)).peers.empty());
  EXPECT_TRUE(network.snapshot_for(NodeId(1)).rules.empty());
}

TEST(Network, history_that_was_dropped_is_not_resumed_from) {
  Network network(kRange, {Epoch(1), Revision(0)}, /*history=*/2);
  network.apply({{Epoch(1), Revision(1)},
                 users(),
                 {node_of(1, NodeState::kApproved, 1)},
                 {},
                 {},
                 policy_of(kEverybody)});
  for (std::uint64_t r = 2; r < 6; ++r) {
    network.apply({{Epoch(1), Revision(r)},
                   {},
                   {node_of(2, NodeState::kApproved, static_cast<std::uint16_t>(r))},
                   {},
                   {},
                   {}});
  }
  EXPECT_FALSE(network.delta_for(NodeId(1), {Epoch(1), Revision(2)}));
  EXPECT_TRUE(network.delta_for(NodeId(1), {Epoch(1), Revision(3)}));
  EXPECT_FALSE(network.delta_for(NodeId(1), {Epoch(1), Revision(6)}));
  EXPECT_FALSE(network.delta_for(NodeId(1), {Epoch(2), Revision(5)}));
}

TEST(Network, expired_node_sees_and_is_seen_by_nobody) {
  Network network(kRange, {Epoch(1), Revision(1)});
  network.apply({{Epoch(1), Revision(2)},
                 users(),
                 {node_of(1, NodeState::kApproved, 1), node_of(2, NodeState::kExpired, 1)},
                 {},
                 {},
                 policy_of(kEverybody)});
  EXPECT_TRUE(network.snapshot_for(NodeId(1)).peers.empty());
  EXPECT_TRUE(network.snapshot_for(NodeId(2)).peers.empty());
}

}  // namespace
}  // namespace kernmesh::topology
