// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/network_policy.h"

#include <gtest/gtest.h>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

std::string rejection(std::string_view text) {
  Diagnostics diagnostics;
  const auto accepted = accept(text, SmallNetwork().inventory, diagnostics);
  EXPECT_EQ(accepted.has_value(), !diagnostics.has_errors());
  return accepted ? "" : to_string(diagnostics.first_error(), "policy");
}

TEST(NetworkPolicy, a_domain_must_be_the_networks_own) {
  EXPECT_EQ(rejection(R"({"acls": [{"action": "accept", "src": ["user:*@example.org"],
                                    "dst": ["user:*@EXAMPLE.com:22"]}]})"),
            "");
  const auto foreign = rejection(
      "{\"acls\": [\n  {\"action\": \"accept\", \"src\": [\"user:*@elsewhere.net\"], \"dst\": "
      "[\"*:*\"]}]}");
  EXPECT_TRUE(foreign.starts_with("policy:2:")) << foreign;
  EXPECT_NE(foreign.find("elsewhere.net"), std::string::npos) << foreign;
  EXPECT_NE(foreign.find("example.com, example.org"), std::string::npos) << foreign;
}

TEST(NetworkPolicy, an_absent_list_of_rules_allows_everything_and_an_empty_one_nothing) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "tag:web");
  EXPECT_TRUE(network.compile(R"({"tagOwners": {"tag:web": []}})")->sees(NodeId(1), NodeId(2)));
  for (const char* nothing : {R"({"acls": []})", R"({"grants": []})"}) {
    EXPECT_FALSE(network.compile(nothing)->sees(NodeId(1), NodeId(2))) << nothing;
  }
}

TEST(NetworkPolicy, the_starter_policy_connects_ones_own_devices_only) {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "ada");
  network.node(3, "bob");
  network.node(4, "tag:web");
  const auto compiled = network.compile(kStarterPolicy);
  EXPECT_TRUE(compiled->sees(NodeId(1), NodeId(2)));
  for (const std::uint64_t other : {3, 4}) {
    EXPECT_FALSE(compiled->sees(NodeId(1), NodeId(other))) << other;
  }
}

// A rule that moves in the file is the same rule; one that means something else is not.
TEST(NetworkPolicy, ids_follow_the_meaning_and_not_the_place) {
  const auto ids = [](std::string_view text) {
    std::vector<RuleId> ids;
    const auto compiled = SmallNetwork().compile(text);
    for (const auto& rule : compiled->policy.compiled->rules) {
      ids.push_back(rule.id);
    }
    return ids;
  };
  const auto before = ids(R"({"acls": [
      {"action": "accept", "src": ["ada@example.com"], "dst": ["*:22"]},
      {"action": "accept", "src": ["bob@example.com"], "dst": ["*:22"]}]})");
  const auto after = ids(R"({"acls": [
      // one more, and the order turned round
      {"action": "accept", "src": ["cyd@example.org"], "dst": ["*:22"]},
      {"action": "accept", "src": ["bob@example.com"], "dst": ["*:22"]},
      {"action": "accept", "src": ["ada@example.com"], "dst": ["*:22"]}]})");
  ASSERT_EQ(before.size(), 2U);
  ASSERT_EQ(after.size(), 3U);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_EQ(after[2], before[0]);
  EXPECT_NE(after[0], before[0]);
}

TEST(NetworkPolicy, the_same_rule_twice_has_two_ids) {
  const auto compiled = SmallNetwork().compile(R"({"acls": [
      {"action": "accept", "src": ["ada@example.com"], "dst": ["*:22"]},
      {"action": "accept", "src": ["ada@example.com"], "dst": ["*:22"]}]})");
  const auto& rules = compiled->policy.compiled->rules;
  EXPECT_NE(rules[0].id, rules[1].id);
  EXPECT_EQ(compiled->policy.compiled->sets.size(), 1U);
}

}  // namespace
}  // namespace kernmesh::policy
