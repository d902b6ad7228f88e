// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/name.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

namespace kernmesh::topology {
namespace {

TEST(Name, label_is_what_people_expect) {
  const std::pair<const char*, const char*> cases[] = {
      {"web1", "web1"},
      {"WEB1.example.org", "web1"},
      {"my_host name", "my-host-name"},
      {"--a--b--", "a-b"},
      {"", "node"},
      {"...", "node"},
      {"h\xc3\xb6st", "h-st"},
      {"\x1b[2J", "2j"},
  };
  for (const auto& [hostname, label] : cases) EXPECT_EQ(to_dns_label(hostname), label) << hostname;
}

TEST(Name, any_hostnames_give_unique_labels) {
  ASSERT_TRUE(rc::check([](const std::vector<std::string>& hostnames) {
    std::set<std::string> taken;
    for (const auto& hostname : hostnames) {
      const auto name =
          unique_name(to_dns_label(hostname), [&](const auto& n) { return taken.contains(n); });
      RC_ASSERT(bool(check_dns_label(name)));
      RC_ASSERT(taken.insert(name).second);
    }
  }));
}

TEST(Name, suffix_of_a_longest_label_still_fits) {
  const std::string longest(63, 'a');
  EXPECT_EQ(unique_name(longest, [&](const auto& n) { return n == longest; }),
            std::string(61, 'a') + "-1");
}

TEST(Name, user_names_are_printable_and_without_spaces) {
  EXPECT_TRUE(check_user_name("ann@example.org"));
  for (const char* name : {"", "a b", "a/b", "a\n", "\xc3\xa4"}) {
    EXPECT_FALSE(check_user_name(name)) << name;
  }
}

}  // namespace
}  // namespace kernmesh::topology
