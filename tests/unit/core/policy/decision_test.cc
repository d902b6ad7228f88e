// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/decision.h"

#include <gtest/gtest.h>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

class Decides : public ::testing::Test {
 protected:
  Decides() {
    network_.node(1, "ada");
    network_.node(2, "bob");
    network_.node(3, "tag:web");
    compiled_ = network_.compile(R"({
      "tagOwners": {"tag:web": []},
      "acls": [
        {"action": "accept", "src": ["ada@example.com"], "dst": ["tag:web:443", "10.0.0.0/8:*"]},
        {"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self:22"]},
        {"action": "accept", "src": ["bob@example.com"], "dst": ["autogroup:internet:*"], "proto": "udp"},
      ]})");
  }

  std::optional<std::uint32_t> rule(const char* from, const char* to, std::uint16_t port,
                                    std::uint8_t protocol = kProtocolTcp) const {
    const Decider decider(compiled_->population);
    return decider.decide({address(from), address(to), protocol, port}).rule;
  }

  SmallNetwork network_;
  std::unique_ptr<CompiledNetwork> compiled_;
};

TEST_F(Decides, by_the_first_rule_that_admits) {
  EXPECT_EQ(rule("100.64.0.1", "100.64.0.3", 443), 0U);
  EXPECT_EQ(rule("fd7a:115c:a1e0::1", "fd7a:115c:a1e0::3", 443), 0U);
  EXPECT_EQ(rule("100.64.0.1", "10.1.2.3", 1), 0U);
  EXPECT_EQ(rule("100.64.0.1", "100.64.0.1", 22), 1U);
  EXPECT_EQ(rule("100.64.0.2", "8.8.8.8", 53, kProtocolUdp), 2U);
}

TEST_F(Decides, denies_what_no_rule_admits) {
  EXPECT_FALSE(rule("100.64.0.1", "100.64.0.3", 80));
  EXPECT_FALSE(rule("100.64.0.2", "100.64.0.3", 443));
  EXPECT_FALSE(rule("100.64.0.2", "100.64.0.1", 22));
  EXPECT_FALSE(rule("100.64.0.2", "8.8.8.8", 53));
  EXPECT_FALSE(rule("100.64.0.2", "192.168.1.1", 53, kProtocolUdp));
  EXPECT_FALSE(rule("100.64.0.1", "100.64.0.3", 0, kProtocolIcmp));
}

TEST_F(Decides, and_names_the_rules_that_nearly_fit) {
  const Decider decider(compiled_->population);
  const auto wrong_port = decider.decide({address("100.64.0.1"), address("100.64.0.3"), 6, 80});
  ASSERT_FALSE(wrong_port.near_misses.empty());
  EXPECT_EQ(wrong_port.near_misses[0].rule, 0U);
  EXPECT_TRUE(wrong_port.near_misses[0].source && wrong_port.near_misses[0].destination);
  EXPECT_FALSE(wrong_port.near_misses[0].service);
  const auto wrong_source = decider.decide({address("100.64.0.2"), address("100.64.0.3"), 6, 443});
  ASSERT_FALSE(wrong_source.near_misses.empty());
  EXPECT_FALSE(wrong_source.near_misses[0].source);
}

}  // namespace
}  // namespace kernmesh::policy
