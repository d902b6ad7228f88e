// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/posture.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace kernmesh::policy {
namespace {

const Attributes kNode = {{"node:os", "linux"},           {"node:osVersion", "6.1.0-18-amd64"},
                          {"node:meshVersion", "1.10.2"}, {"custom:tier", "prod"},
                          {"custom:score", "90"},         {"custom:managed", "true"}};

TEST(Condition, compares_one_attribute) {
  struct Row {
    std::string_view text;
    bool expected;
  };
  const std::vector<Row> rows = {
      {"node:os == 'linux'", true},
      {"node:os=='linux'", true},
      {R"(node:os == "linux")", true},
      {"node:os == 'Linux'", false},
      {"node:os != 'windows'", true},
      {"node:os IN ['macos', 'linux']", true},
      {"node:os IN ['macos',]", false},
      {"node:os NOT IN ['macos', 'windows']", true},
      {"node:os NOT  IN ['linux']", false},
      {"node:meshVersion >= '1.9'", true},
      {"node:meshVersion > '1.10.2'", false},
      {"node:meshVersion <= '1.10.2'", true},
      {"node:meshVersion < '1.10.10'", true},
      {"node:meshVersion == '1.10.2.0'", true},
      {"node:meshVersion > '1.2.99999999999999999999999'", true},
      {"node:osVersion >= '6.1'", true},
      {"node:osVersion < '6.12'", true},
      {"custom:score > 9", true},
      {"custom:score == 090", true},
      {"custom:managed == true", true},
      {"custom:managed == false", false},
      {"custom:tier < 'zzz'", false},
      {"custom:tier IS SET", true},
      {"custom:tier NOT SET", false},
  };
  for (const Row& row : rows) {
    const auto condition = parse_condition(row.text, {});
    ASSERT_TRUE(condition) << row.text << ": " << condition.error().message();
    EXPECT_EQ(holds(*condition, kNode), row.expected) << row.text;
  }
}

TEST(Condition, only_not_set_holds_for_a_missing_attribute) {
  struct Row {
    std::string_view text;
    bool expected;
  };
  const std::vector<Row> rows = {
      {"ip:country == 'DE'", false},   {"ip:country != 'DE'", false},
      {"ip:country IN ['DE']", false}, {"ip:country NOT IN ['DE']", false},
      {"ip:country < 1", false},       {"ip:country >= 1", false},
      {"ip:country IS SET", false},    {"ip:country NOT SET", true},
  };
  for (const Row& row : rows) {
    const auto condition = parse_condition(row.text, {});
    ASSERT_TRUE(condition) << row.text;
    EXPECT_EQ(holds(*condition, kNode), row.expected) << row.text;
  }
}

TEST(Condition, refuses_what_is_none) {
  for (const std::string_view text :
       {"", "os == 'linux'", ":os == 'x'", "node: == 'x'", "node:os", "node:os = 'linux'",
        "node:os == linux", "node:os == 'linux", "node:os == 'a' 'b'", "node:os IN 'a'",
        "node:os IN []", "node:os IN ['a' 'b']", "node:os IN ['a'", "node:os INN ['a']",
        "node:os IS SET x", "node:os ISSET", "node:os == ", "node:os in ['a']"}) {
    EXPECT_FALSE(parse_condition(text, {})) << text;
  }
}

TEST(Posture, holds_when_all_its_conditions_do) {
  const auto posture = [](std::vector<std::string_view> texts) {
    Posture result;
    for (const auto text : texts) result.conditions.push_back(*parse_condition(text, {}));
    return result;
  };
  EXPECT_TRUE(holds(posture({"node:os == 'linux'", "custom:score >= 50"}), kNode));
  EXPECT_FALSE(holds(posture({"node:os == 'linux'", "custom:score >= 95"}), kNode));
  EXPECT_FALSE(holds(posture({"node:os != 'linux'", "custom:score >= 50"}), kNode));
}

}  // namespace
}  // namespace kernmesh::policy
