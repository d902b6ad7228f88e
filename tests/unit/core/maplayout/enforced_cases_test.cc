// SPDX-License-Identifier: Apache-2.0
// The cases by hand, asked of the oracle, of the slice and of the compiled image.
#include "tests/oracle/enforced_cases.h"

#include <gtest/gtest.h>

#include "tests/oracle/policy_oracle.h"
#include "tests/unit/core/maplayout/random_slice.h"
#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::maplayout {
namespace {

TEST(EnforcedCases, the_oracle_the_slice_and_the_image_say_what_is_written) {
  policy::SmallNetwork network;
  network.node(1, "tag:us").routes({"10.1.0.0/24", "fd01::/64"});
  network.node(2, "ada");
  network.node(3, "bob").routes({"10.33.0.0/16"});
  network.node(4, "cyd");
  for (const auto& test : policy::enforced_cases()) {
    const auto compiled = network.compile(test.policy);
    ASSERT_NE(compiled, nullptr) << test.name;
    const policy::Oracle oracle(*compiled->policy.document, compiled->inventory);
    const auto mine = RandomSlice::of(*compiled, NodeId(1));
    const auto image = mine.sample.compile();
    for (const auto& asked : test.packets) {
      const auto p = packet(asked.source, asked.destination, asked.protocol, asked.port);
      const auto what = std::string(test.name) + ": " + policy::to_string(p);
      const auto verdict = judge(image.lines, p);
      EXPECT_EQ(verdict.rule.line, asked.line) << what;
      EXPECT_EQ(verdict.outcome == AclOutcome::kAllowed, asked.line != 0) << what;
      EXPECT_TRUE(is_same(verdict, SliceReader(mine).judge(p))) << what;
      // Whether anybody routes the addresses is no question of the policy.
      if (verdict.outcome != AclOutcome::kAllowed && verdict.outcome != AclOutcome::kDenied)
        continue;
      const auto lines = oracle.judge(NodeId(1), p);
      EXPECT_EQ(lines.empty() ? 0 : lines.front(), asked.line) << what;
    }
  }
}

}  // namespace
}  // namespace kernmesh::maplayout
