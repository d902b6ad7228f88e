// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/reach.h"

#include <gtest/gtest.h>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

bool see_each_other(const CompiledNetwork& network, std::uint64_t a, std::uint64_t b) {
  const bool there = network.sees(NodeId(a), NodeId(b));
  EXPECT_EQ(there, network.sees(NodeId(b), NodeId(a))) << a << " and " << b;
  return there;
}

TEST(Reach, a_rule_in_one_direction_shows_both_ends_to_each_other) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "bob");
  network.node(3, "cyd");
  const auto compiled = network.compile(R"({"acls": [
    {"action": "accept", "src": ["ada@example.com"], "dst": ["bob@example.com:22"]}]})");
  EXPECT_TRUE(see_each_other(*compiled, 1, 2));
  EXPECT_FALSE(see_each_other(*compiled, 1, 3));
  EXPECT_FALSE(see_each_other(*compiled, 2, 3));
  EXPECT_FALSE(compiled->sees(NodeId(1), NodeId(1)));
}

TEST(Reach, a_capability_alone_makes_peers) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "bob");
  const auto compiled = network.compile(R"({"grants": [{"src": ["ada@example.com"],
    "dst": ["bob@example.com"], "app": {"example.com/cap/x": []}}]})");
  EXPECT_TRUE(see_each_other(*compiled, 1, 2));
}

TEST(Reach, a_router_is_seen_for_the_subnets_behind_it) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "bob").routes({"10.33.0.0/16"});
  network.node(3, "bob").advertises({"10.33.0.0/16"});
  network.node(4, "cyd").routes({"10.44.0.0/16"});
  const auto compiled = network.compile(R"({"acls": [
    {"action": "accept", "src": ["ada@example.com"], "dst": ["10.33.1.0/24:*"]},
    {"action": "accept", "src": ["10.44.4.4"], "dst": ["ada@example.com:*"]}]})");
  EXPECT_TRUE(see_each_other(*compiled, 1, 2));
  EXPECT_FALSE(see_each_other(*compiled, 1, 3)) << "not approved";
  EXPECT_TRUE(see_each_other(*compiled, 1, 4)) << "a source behind it";
  EXPECT_FALSE(see_each_other(*compiled, 2, 4));
}

TEST(Reach, own_devices_are_peers_of_each_other_alone) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "ada");
  network.node(3, "bob");
  network.node(4, "tag:web").routes({"100.64.0.1/32"});
  const auto compiled = network.compile(R"({"tagOwners": {"tag:web": []}, "acls": [
    {"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self:*"]}]})");
  EXPECT_TRUE(see_each_other(*compiled, 1, 2));
  EXPECT_FALSE(see_each_other(*compiled, 1, 3));
  EXPECT_FALSE(see_each_other(*compiled, 1, 4));
}

TEST(Reach, via_makes_no_peers_of_own_devices) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "ada");
  const auto compiled = network.compile(R"({"tagOwners": {"tag:web": []}, "grants": [
    {"src": ["autogroup:member"], "dst": ["autogroup:self"], "ip": ["*"], "via": ["tag:web"]}]})");
  EXPECT_FALSE(see_each_other(*compiled, 1, 2));
}

TEST(Reach, an_absent_rule_list_allows_everything_and_an_empty_one_nothing) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "bob");
  EXPECT_TRUE(see_each_other(*network.compile("{}"), 1, 2));
  EXPECT_FALSE(see_each_other(*network.compile(R"({"acls": []})"), 1, 2));
  EXPECT_FALSE(see_each_other(*network.compile(R"({"grants": []})"), 1, 2));
}

TEST(Reach, the_audience_of_a_set_are_the_nodes_its_rules_are_delivered_to) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "bob");
  network.node(3, "cyd");
  const auto compiled = network.compile(R"({"acls": [
    {"action": "accept", "src": ["ada@example.com"], "dst": ["bob@example.com:22"]}]})");
  const auto& rule = compiled->policy.compiled->rules[0];
  NodeSet expected;
  expected.insert(compiled->index(NodeId(2)));
  EXPECT_TRUE(compiled->reach.audience_of(rule.sources[0]) == expected);
}

}  // namespace
}  // namespace kernmesh::policy
