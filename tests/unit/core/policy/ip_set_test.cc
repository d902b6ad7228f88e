// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/ip_set.h"

#include <gtest/gtest.h>

#include "tests/unit/core/policy/parsing.h"
#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

std::vector<std::string> resolved(const std::string& steps, std::size_t max_ranges = 1000) {
  const auto policy = parsed(R"({"hosts": {"files": "10.0.0.5"}, "ipsets": {
      "ipset:inner": ["add 10.0.0.0/30"], "ipset:x": [)" +
                             steps + "]}}");
  EXPECT_TRUE(policy.document) << findings_of(policy);
  if (!policy.document) return {};
  const auto sets = resolve_ipsets(*policy.document, max_ranges);
  if (!sets) return {sets.error().message()};
  return texts(sets->at("ipset:x").prefixes());
}

TEST(IpSet, the_last_step_that_names_an_address_decides) {
  EXPECT_EQ(resolved(R"("add 10.0.0.0/24", "remove 10.0.0.0/25")"),
            (std::vector<std::string>{"10.0.0.128/25"}));
  EXPECT_EQ(resolved(R"("remove 10.0.0.0/25", "add 10.0.0.0/24")"),
            (std::vector<std::string>{"10.0.0.0/24"}));
  EXPECT_EQ(resolved(R"("add 10.0.0.0/24", "remove 10.0.0.0/24", "add 10.0.0.1")"),
            (std::vector<std::string>{"10.0.0.1/32"}));
}

TEST(IpSet, is_made_of_hosts_other_sets_and_the_internet) {
  EXPECT_EQ(resolved(R"("add ipset:inner", "remove 10.0.0.0", "add files")"),
            (std::vector<std::string>{"10.0.0.1/32", "10.0.0.2/31", "10.0.0.5/32"}));
  const auto public_ones = resolved(R"("add autogroup:internet")");
  EXPECT_EQ(public_ones, texts(internet().prefixes()));
  EXPECT_EQ(public_ones.back(), "2000::/3");
}

TEST(IpSet, a_step_that_is_overruled_whole_leaves_nothing) {
  EXPECT_TRUE(
      resolved(R"("add 10.0.0.0/8", "add fd00::/8", "remove 10.0.0.0/8", "remove fd00::/8")")
          .empty());
}

TEST(IpSet, refuses_more_ranges_than_the_bound) {
  const std::string steps = R"("add 10.0.0.1", "add 10.0.0.3", "add 10.0.0.5")";
  EXPECT_EQ(resolved(steps, 4).size(), 3U);  // the inner set has one more
  ASSERT_EQ(resolved(steps, 3).size(), 1U);
  EXPECT_NE(resolved(steps, 3)[0].find("too many separate ranges"), std::string::npos);
}

}  // namespace
}  // namespace kernmesh::policy
