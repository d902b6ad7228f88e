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

}  // namespace
}  // namespace kernmesh::policy
