// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/ssh.h"

#include <gtest/gtest.h>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

using Users = std::map<std::string, std::string>;

class Logins : public ::testing::Test {
 protected:
  Logins() {
    network_.node(1, "ada");
    network_.node(2, "bob");
    network_.node(3, "cyd");
    network_.node(4, "tag:web");
  }

  std::vector<SshLogin> at(std::uint64_t node, const std::string& rules) {
    compiled_ = network_.compile(R"({"tagOwners": {"tag:web": []}, "ssh": [)" + rules + "]}");
    if (compiled_ == nullptr) return {};
    const SshPolicy ssh(*compiled_->policy.document, compiled_->population);
    return ssh.logins_at(compiled_->index(NodeId(node)));
  }

  SmallNetwork network_;
  std::unique_ptr<CompiledNetwork> compiled_;
};

TEST_F(Logins, say_which_local_user_an_asked_one_gets) {
  const auto users = [&](const std::string& list) {
    const auto logins = at(4, R"({"action": "accept", "src": ["ada@example.com"],
                                  "dst": ["tag:web"], "users": [)" +
                                  list + "]}");
    return logins.size() == 1 ? logins[0].users : Users{};
  };
  EXPECT_EQ(users(R"("root")"), (Users{{"root", "root"}}));
  EXPECT_EQ(users(R"("autogroup:nonroot")"), (Users{{"*", "="}, {"root", ""}}));
  EXPECT_EQ(users(R"("deploy", " git ")"),
            (Users{{"deploy", "deploy"}, {"git", "git"}, {"root", ""}}));
}

TEST_F(Logins, try_check_before_accept) {
  const auto logins = at(4, R"(
      {"action": "accept", "src": ["ada@example.com"], "dst": ["tag:web"], "users": ["root"]},
      {"action": "check", "src": ["bob@example.com"], "dst": ["tag:web"], "users": ["root"],
       "checkPeriod": "always"})");
  ASSERT_EQ(logins.size(), 2U);
  EXPECT_EQ(logins[0].action, SshAction::kCheck);
  EXPECT_EQ(logins[0].check_period, std::chrono::seconds(0));
  EXPECT_EQ(logins[0].principals[0], address("100.64.0.2"));
  EXPECT_EQ(logins[1].action, SshAction::kAccept);
}

TEST_F(Logins, give_each_person_the_local_part_of_the_address) {
  const auto logins = at(4, R"({"action": "accept", "src": ["autogroup:member"],
      "dst": ["tag:web"], "users": ["localpart:*@example.com"]})");
  std::map<std::string, Users> by_person;
  for (const auto& login : logins) {
    for (const auto& [asked, given] : login.users) {
      by_person[to_string(login.principals[0])][asked] = given;
    }
  }
  EXPECT_EQ(by_person["100.64.0.1"], (Users{{"ada", "ada"}, {"root", ""}}));
  EXPECT_EQ(by_person["100.64.0.2"], (Users{{"bob", "bob"}, {"root", ""}}));
  EXPECT_EQ(by_person["100.64.0.3"], (Users{{"root", ""}}));  // of another domain
}

TEST_F(Logins, to_self_are_of_the_same_user_only) {
  const std::string rule = R"({"action": "accept", "src": ["autogroup:member"],
      "dst": ["autogroup:self"], "users": ["root"]})";
  const auto own = at(1, rule);
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(own[0].principals, (std::vector{address("100.64.0.1"), address("fd7a:115c:a1e0::1")}));
  EXPECT_TRUE(at(4, rule).empty());
}

TEST_F(Logins, are_decided_by_the_first_entry_that_knows_the_user) {
  at(4, R"(
      {"action": "accept", "src": ["ada@example.com"], "dst": ["tag:web"], "users": ["autogroup:nonroot"]},
      {"action": "check", "src": ["ada@example.com"], "dst": ["tag:web"], "users": ["root"]})");
  const SshPolicy ssh(*compiled_->policy.document, compiled_->population);
  const auto from = [&](std::uint64_t id) { return compiled_->index(NodeId(id)); };
  EXPECT_EQ(ssh.decide(from(1), from(4), "deploy"), SshAction::kAccept);
  EXPECT_EQ(ssh.decide(from(1), from(4), "root"), SshAction::kCheck);
  EXPECT_FALSE(ssh.decide(from(2), from(4), "deploy"));
  EXPECT_FALSE(ssh.decide(from(1), from(2), "deploy"));
}

}  // namespace
}  // namespace kernmesh::policy
