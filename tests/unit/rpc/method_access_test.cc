// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/method_access.h"

#include <gtest/gtest.h>

#include <set>

#include "controller/rpc/paging.h"
#include "controller/rpc/peer_address.h"

namespace kernmesh::rpc {
namespace {

using topology::Role;
using topology::Scope;

TEST(MethodAccess, each_method_stands_in_the_table_once_and_no_other_is_anybodys) {
  std::set<std::string_view> paths;
  for (const auto& method : every_method()) {
    EXPECT_TRUE(paths.insert(method.path).second) << method.path;
    EXPECT_NE(method.caller, CallerKind::kNobody) << method.path;
  }
  for (const char* path : {"", "/", "/mesh.v1.Admin/Forgotten", "/mesh.v1.Admin/createuser"}) {
    EXPECT_EQ(access_of(path).caller, CallerKind::kNobody) << path;
    EXPECT_FALSE(check_person(access_of(path), Role::kOwner, Scope::kAll)) << path;
  }
}

TEST(MethodAccess, a_role_may_all_that_a_lesser_one_may) {
  for (const auto& method : every_method()) {
    bool may = false;
    for (int role = 1; role <= 5; ++role) {
      const bool now =
          static_cast<bool>(check_person(method, static_cast<Role>(role), Scope::kAll));
      EXPECT_TRUE(now || !may) << method.path;
      may = now;
    }
    EXPECT_EQ(may, method.caller == CallerKind::kPerson) << method.path;
  }
}

TEST(MethodAccess, the_scope_read_covers_nothing_that_changes) {
  for (const auto& method : every_method()) {
    if (method.caller != CallerKind::kPerson) continue;
    EXPECT_EQ(static_cast<bool>(check_person(method, Role::kOwner, Scope::kRead)),
              method.effect == Effect::kReads)
        << method.path;
  }
}

TEST(PeerAddress, is_told_in_the_usual_form) {
  EXPECT_EQ(peer_address("ipv4:192.0.2.7:41000"), "192.0.2.7:41000");
  EXPECT_EQ(peer_address("ipv6:%5B2001:db8::1%5D:41000"), "[2001:db8::1]:41000");
  EXPECT_EQ(peer_address("unix:/run/x.sock"), "");
  EXPECT_EQ(peer_address(""), "");
}

TEST(Paging, a_token_is_read_as_it_was_made) {
  const auto page = parse_page(7, page_token(42));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->after, 42u);
  EXPECT_EQ(page->most, 7u);
  EXPECT_EQ(parse_page(0, "")->most, kMostOfAPage);
  EXPECT_EQ(parse_page(1'000'000, "")->most, kMostOfAPage);
  EXPECT_FALSE(parse_page(0, "after-042"));
}

}  // namespace
}  // namespace kernmesh::rpc
