// SPDX-License-Identifier: Apache-2.0
// What of the `ssh` section a node is told.
#include <gtest/gtest.h>

#include <memory>

#include "controller/core/policy/network_policy.h"
#include "controller/core/policy/reach.h"
#include "controller/core/policy/slicing.h"

namespace kernmesh::policy {
namespace {

constexpr std::string_view kPolicy = R"({
  "tagOwners": {"tag:web": []},
  "acls": [],
  "ssh": [
    {"action": "accept", "src": ["group:dev"], "dst": ["tag:web"], "users": ["deploy"]},
    {"action": "check", "checkPeriod": "1h", "src": ["autogroup:member"], "dst": ["autogroup:self"],
     "users": ["root", "localpart:*@example.com"], "acceptEnv": ["LANG"]},
  ],
  "groups": {"group:dev": ["ada@example.com"]},
})";

class SshSlice : public ::testing::Test {
 protected:
  SshSlice() {
    Inventory inventory;
    inventory.overlay = {*Prefix::parse("100.64.0.0/10")};
    inventory.domains = {"example.com"};
    inventory.users = {{UserId(1), "ada", "ada@example.com", {}},
                       {UserId(2), "ben", "ben@example.com", {}}};
    const auto node = [&](std::uint64_t id, std::uint64_t user, std::vector<std::string> tags) {
      inventory.nodes.push_back({NodeId(id),
                                 "n" + std::to_string(id),
                                 UserId(user),
                                 tags,
                                 {IpAddress::from_v4_number(0x64400000U + std::uint32_t(id))},
                                 {},
                                 {},
                                 {}});
    };
    node(1, 1, {});
    node(2, 1, {});
    node(3, 2, {});
    node(4, 2, {"tag:web"});
    Diagnostics diagnostics;
    const auto accepted = accept(kPolicy, inventory, diagnostics);
    if (!accepted) throw std::runtime_error(diagnostics.first_error().message);
    population_ = std::make_unique<Population>(accepted->compiled, inventory.overlay);
    for (const auto& user : inventory.users) population_->put(user);
    for (const auto& known : inventory.nodes) population_->put(known);
    reach_ = std::make_unique<Reach>(*population_);
  }

  Slice slice(std::uint64_t id) const { return slice_for(*reach_, population_->find(NodeId(id))); }

  std::unique_ptr<Population> population_;
  std::unique_ptr<Reach> reach_;
};

TEST_F(SshSlice, a_destination_is_told_who_may_log_in_as_whom) {
  const auto web = slice(4);
  ASSERT_EQ(web.rules.size(), 1U);
  ASSERT_TRUE(web.rules[0].ssh);
  EXPECT_EQ(web.rules[0].ssh->action, SshAction::kAccept);
  EXPECT_EQ(web.rules[0].ssh->users,
            (std::vector<SshUserClass>{{SshUserKind::kLiteral, "deploy"}}));
  EXPECT_TRUE(web.rules[0].targets[0].services.empty());
  ASSERT_EQ(web.sets.size(), 1U);
  EXPECT_EQ(web.sets[0].members, (std::vector{NodeId(1), NodeId(2)}));
}

TEST_F(SshSlice, own_devices_are_told_of_each_other_and_of_nobody_else) {
  for (const auto& [id, members] :
       {std::pair(1, std::vector{NodeId(1), NodeId(2)}), std::pair(3, std::vector{NodeId(3)})}) {
    const auto own = slice(static_cast<std::uint64_t>(id));
    ASSERT_EQ(own.rules.size(), 1U);
    EXPECT_EQ(own.rules[0].ssh->action, SshAction::kCheck);
    EXPECT_EQ(own.rules[0].ssh->check_period, std::chrono::hours(1));
    EXPECT_EQ(own.rules[0].ssh->accept_env, std::vector<std::string>{"LANG"});
    ASSERT_EQ(own.sets.size(), 1U);
    EXPECT_EQ(own.sets[0].members, members);
  }
}

TEST_F(SshSlice, a_login_connects_nobody) {
  for (std::uint64_t id = 1; id <= 4; ++id) {
    EXPECT_TRUE(reach_->peers_of(population_->find(NodeId(id))).empty()) << id;
  }
}

}  // namespace
}  // namespace kernmesh::policy
