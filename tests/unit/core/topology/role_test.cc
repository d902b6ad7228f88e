// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/role.h"

#include <gtest/gtest.h>

#include <string>

namespace kernmesh::topology {
namespace {

TEST(Role, words_are_read_as_they_are_written) {
  for (const auto role :
       {Role::kMember, Role::kAuditor, Role::kNetworkAdmin, Role::kAdmin, Role::kOwner}) {
    EXPECT_EQ(*parse_role(to_string(role)), role);
  }
  for (const auto scope : {Scope::kAll, Scope::kRead, Scope::kKeys, Scope::kPolicy}) {
    EXPECT_EQ(*parse_scope(to_string(scope)), scope);
  }
  EXPECT_EQ(*parse_scope(""), Scope::kAll);
  for (const char* word : {"", "Owner", "king", "it-admin"}) EXPECT_FALSE(parse_role(word));
  for (const char* word : {"ALL", "write"}) EXPECT_FALSE(parse_scope(word));
}

TEST(Role, names_for_policies_alone_allow_nothing) {
  EXPECT_EQ(highest_role({}), Role::kMember);
  EXPECT_EQ(highest_role({"it-admin", "billing-admin"}), Role::kMember);
  EXPECT_EQ(highest_role({"auditor", "it-admin", "network-admin"}), Role::kNetworkAdmin);
  EXPECT_TRUE(is_user_role("billing-admin"));
  EXPECT_FALSE(is_user_role("member"));
  EXPECT_FALSE(is_user_role("king"));
}

}  // namespace
}  // namespace kernmesh::topology
