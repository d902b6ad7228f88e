// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/selector.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace kernmesh::policy {
namespace {

TEST(Selector, knows_every_kind_of_name) {
  struct Row {
    std::string_view text;
    SelectorKind kind;
    std::string_view printed;
  };
  const std::vector<Row> rows = {
      {"*", SelectorKind::kAny, "*"},
      {" * ", SelectorKind::kAny, "*"},
      {"ada@example.com", SelectorKind::kUser, "ada@example.com"},
      {"\tada@", SelectorKind::kUser, "ada@"},
      {"user:*@example.com", SelectorKind::kDomainUsers, "user:*@example.com"},
      {"group:dev", SelectorKind::kGroup, "group:dev"},
      {"tag:web-1", SelectorKind::kTag, "tag:web-1"},
      {"ipset:lan", SelectorKind::kIpSet, "ipset:lan"},
      {"files", SelectorKind::kHost, "files"},
      {"host-1.lan_x", SelectorKind::kHost, "host-1.lan_x"},
      {"10.0.0.5", SelectorKind::kPrefix, "10.0.0.5"},
      {"10.0.0.0/8", SelectorKind::kPrefix, "10.0.0.0/8"},
      {"10.0.0.5/32", SelectorKind::kPrefix, "10.0.0.5"},
      {"fd7a::1", SelectorKind::kPrefix, "fd7a::1"},
      {"fd7a::/48", SelectorKind::kPrefix, "fd7a::/48"},
      {"[fd7a::1]", SelectorKind::kPrefix, "fd7a::1"},
      {"0.0.0.0/0", SelectorKind::kPrefix, "0.0.0.0/0"},
      {"autogroup:member", SelectorKind::kAutogroup, "autogroup:member"},
      {"autogroup:members", SelectorKind::kAutogroup, "autogroup:member"},
      {"autogroup:danger-all", SelectorKind::kAutogroup, "autogroup:danger-all"},
      {"autogroup:it-admin", SelectorKind::kAutogroup, "autogroup:it-admin"},
  };
  for (const Row& row : rows) {
    const auto selector = parse_selector(row.text, {3, 4});
    ASSERT_TRUE(selector) << row.text;
    EXPECT_EQ(selector->kind, row.kind) << row.text;
    EXPECT_EQ(to_string(*selector), row.printed) << row.text;
    EXPECT_EQ(selector->at, (Position{3, 4})) << row.text;
  }
}

TEST(Selector, every_autogroup_is_read_as_it_is_printed) {
  for (const auto autogroup :
       {Autogroup::kMember, Autogroup::kTagged, Autogroup::kSelf, Autogroup::kInternet,
        Autogroup::kDangerAll, Autogroup::kOwner, Autogroup::kAdmin, Autogroup::kNetworkAdmin,
        Autogroup::kItAdmin, Autogroup::kBillingAdmin, Autogroup::kAuditor}) {
    const auto selector = parse_selector(to_string(autogroup), {});
    ASSERT_TRUE(selector) << to_string(autogroup);
    EXPECT_EQ(selector->autogroup, autogroup);
  }
}

TEST(Selector, says_what_would_be_right) {
  struct Row {
    std::string_view text;
    std::string_view part;
  };
  const std::vector<Row> rows = {
      {"", "the name is empty"},
      {" ", "the name is empty"},
      {"autogroup:membr", "did you mean \"autogroup:member\"?"},
      {"autogroup:", "there is no autogroup \"autogroup:\""},
      {"autogroup:nonroot", "there is no autogroup"},
      {"tag:", "is not a tag; a tag is tag: and a letter"},
      {"tag:1web", "is not a tag; a tag is tag: and a letter"},
      {"tag:web_1", "is not a tag; a tag is tag: and a letter"},
      {"tag:web:22", "no ports stand here"},
      {"group:", "it is group:NAME"},
      {"group:dev:22", "it is group:NAME"},
      {"ipset:a b", "it is ipset:NAME"},
      {"user:ada@example.com", "those of a domain are written user:*@example.com"},
      {"user:*@", "those of a domain are written user:*@example.com"},
      {"@example.com", "a user is written ada@example.com"},
      {"ada@ex@ample", "a user is written ada@example.com"},
      {"ada@example.com:22", "a user is written ada@example.com"},
      {"10.0.0.256", "10.0.0.256"},
      {"10.0.0.0/33", "10.0.0.0/33"},
      {"10.0.0.1/8", "10.0.0.1/8"},
      {"files/24", "files/24"},
      {"fd7a::1::2", "fd7a::1::2"},
      {"tags:web", "did you mean \"tag:web\"?"},
      {"files:22", "address or CIDR without ports"},
      {"two words", "is neither an address nor a name"},
  };
  for (const Row& row : rows) {
    const auto selector = parse_selector(row.text, {});
    ASSERT_FALSE(selector) << row.text;
    EXPECT_EQ(selector.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(selector.error().message().find(row.part), std::string::npos)
        << row.text << ": " << selector.error().message();
  }
}

}  // namespace
}  // namespace kernmesh::policy
