// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/user_name.h"

#include <gtest/gtest.h>

#include "controller/core/topology/name.h"

namespace kernmesh::signin {
namespace {

Identity person(const std::string& subject, const std::string& name,
                const std::string& email = "") {
  return {"https://id.example", subject, email, name, {}};
}

TEST(UserName, is_the_verified_address) {
  EXPECT_EQ(user_name(person("1", "Ann", "Ann@Example.org")), "Ann@Example.org");
  EXPECT_EQ(known_address(person("1", "Ann", "Ann@Example.org")), "Ann@Example.org");
}

TEST(UserName, without_one_is_what_nobody_can_ask_for) {
  const std::string name = user_name(person("1", "Dr. Bob <Bold>"));
  EXPECT_TRUE(name.starts_with("dr-bob-bold-")) << name;
  EXPECT_EQ(name.size(), std::string("dr-bob-bold-").size() + 8);
  EXPECT_NE(name, user_name(person("2", "Dr. Bob <Bold>")));
  EXPECT_EQ(name, user_name(person("1", "Dr. Bob <Bold>")));
  Identity elsewhere = person("1", "Dr. Bob <Bold>");
  elsewhere.issuer = "https://other.example";
  EXPECT_NE(name, user_name(elsewhere));
}

TEST(UserName, is_one_whatever_people_call_themselves) {
  const std::string longest(256, 'x');
  for (const std::string& name :
       {std::string(), std::string("\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0"), std::string("..."),
        std::string("a@b"), longest, std::string(31, 'x') + "-y"}) {
    for (const std::string& email : {std::string(), std::string("no address"),
                                     std::string("j\xc3\xbc@example.org"), std::string("a/b@c")}) {
      const auto given = user_name(person("1", name, email));
      EXPECT_TRUE(topology::check_user_name(given)) << given;
      EXPECT_EQ(given.find('@'), std::string::npos) << given;
      EXPECT_EQ(given.find("--"), std::string::npos) << given;
      EXPECT_LE(given.size(), 41u) << given;
      EXPECT_EQ(known_address(person("1", name, email)), "");
    }
  }
  EXPECT_TRUE(user_name(person("1", "")).starts_with("user-"));
}

TEST(UserName, that_is_an_address_follows_the_address) {
  const auto moved = person("1", "Ann", "ann@new.example");
  EXPECT_EQ(next_user_name("ann@old.example", moved), "ann@new.example");
  EXPECT_EQ(next_user_name("ann", moved), "ann");
  EXPECT_EQ(next_user_name("ann-01234567", moved), "ann-01234567");
  EXPECT_TRUE(next_user_name("ann@old.example", person("1", "Ann")).starts_with("ann-"));
}

}  // namespace
}  // namespace kernmesh::signin
