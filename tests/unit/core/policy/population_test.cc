// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/population.h"

#include <gtest/gtest.h>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

using Texts = std::vector<std::string>;

TEST(Population, a_route_that_is_advertised_twice_is_approved_once) {
  SmallNetwork network;
  network.node(1, "ada").routes({"10.0.0.0/8", "10.0.0.0/8", "0.0.0.0/0", "0.0.0.0/0"});
  const auto compiled = network.compile(R"({"acls": []})");
  const Member& member = compiled->population.member(compiled->index(NodeId(1)));
  EXPECT_EQ(texts(member.subnet_routes), Texts{"10.0.0.0/8"});
  EXPECT_EQ(texts(member.exit_routes), Texts{"0.0.0.0/0"});
}

// Who is in the source of the only rule.
std::vector<std::uint64_t> sources(const Population& population) {
  std::vector<std::uint64_t> ids;
  const auto set = population.policy().rules.at(0).sources.at(0);
  population.set(set).members.for_each(
      [&](NodeIndex node) { ids.push_back(population.member(node).node.id.value()); });
  return ids;
}

TEST(Population, groups_of_the_provider_are_groups_once_the_policy_says_which) {
  SmallNetwork network;
  network.inventory.users[1].groups = {"all hands", "dev"};
  network.inventory.users[2].groups = {"Dev"};
  for (const auto& [id, owner] : {std::pair(1, "ada"), std::pair(2, "bob"), std::pair(3, "cyd")}) {
    network.node(static_cast<std::uint64_t>(id), owner);
  }
  network.node(4, "tag:web");
  const auto compiled = network.compile(R"({
    "groups": {"group:dev": ["oidc:dev", "ada@example.com"]}, "tagOwners": {"tag:web": []},
    "acls": [{"action": "accept", "src": ["group:dev"], "dst": ["*:*"]}]})");
  EXPECT_EQ(sources(compiled->population), (std::vector<std::uint64_t>{1, 2}));
}

// A group of the provider that is called as one of the policy's is not that one.
TEST(Population, provider_cannot_put_anybody_into_a_group_of_the_policy) {
  SmallNetwork network;
  network.inventory.users[1].groups = {"dev", "group:dev", "oidc:dev", "ada@example.com"};
  network.node(1, "ada");
  network.node(2, "bob");
  const auto compiled = network.compile(R"({
    "groups": {"group:dev": ["ada@example.com"]},
    "acls": [{"action": "accept", "src": ["group:dev"], "dst": ["*:*"]}]})");
  EXPECT_EQ(sources(compiled->population), std::vector<std::uint64_t>{1});
}

TEST(Population, change_of_a_users_groups_moves_his_nodes) {
  SmallNetwork network;
  network.node(1, "bob");
  network.node(2, "bob");
  const auto compiled = network.compile(R"({
    "groups": {"group:dev": ["oidc:dev"]},
    "acls": [{"action": "accept", "src": ["group:dev"], "dst": ["*:*"]}]})");
  Population population = compiled->population;
  EXPECT_TRUE(sources(population).empty());
  User bob = network.inventory.users[1];
  bob.groups = {"dev"};
  EXPECT_EQ(population.put(bob).memberships.size(), 2U);
  EXPECT_EQ(sources(population), (std::vector<std::uint64_t>{1, 2}));
  bob.groups = {"sales"};
  EXPECT_EQ(population.put(bob).memberships.size(), 2U);
  EXPECT_TRUE(sources(population).empty());
}

}  // namespace
}  // namespace kernmesh::policy
