// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/detour.h"

#include <gtest/gtest.h>

namespace kernmesh::reconcile {
namespace {

constexpr Rule kOwn{IpFamily::kV4, 5185, 27515};

TEST(Detours, are_rules_of_others_that_are_asked_first) {
  const std::vector<Rule> all = {{IpFamily::kV4, 0, 255},
                                 {IpFamily::kV4, 5184, 51820},
                                 {IpFamily::kV4, 100, 254},
                                 {IpFamily::kV4, 100, 254},
                                 kOwn,
                                 {IpFamily::kV4, 5210, 52},
                                 {IpFamily::kV4, 32766, 254}};
  EXPECT_EQ(detours(all, kOwn),
            (std::vector<Rule>{{IpFamily::kV4, 100, 254}, {IpFamily::kV4, 5184, 51820}}));
}

TEST(Detours, count_rules_of_the_same_priority_and_those_that_look_nothing_up) {
  EXPECT_EQ(detours({{IpFamily::kV4, 5185, 254}, {IpFamily::kV4, 50, 0}}, kOwn).size(), 2u);
}

TEST(Detours, are_of_the_same_family) {
  EXPECT_TRUE(detours({{IpFamily::kV6, 100, 254}}, kOwn).empty());
}

TEST(Detours, do_not_count_the_rule_for_the_hosts_own_addresses_wherever_it_was_moved) {
  EXPECT_TRUE(detours({{IpFamily::kV4, 100, 255}}, kOwn).empty());
}

TEST(Detours, are_described_by_priority_family_and_table) {
  EXPECT_EQ(to_string(Rule{IpFamily::kV6, 5184, 51820}), "5184 (IPv6, lookup 51820)");
  EXPECT_EQ(to_string(Rule{IpFamily::kV4, 50, 0}), "50 (IPv4)");
}

}  // namespace
}  // namespace kernmesh::reconcile
