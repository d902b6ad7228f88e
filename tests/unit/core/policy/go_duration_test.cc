// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/go_duration.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>
#include <vector>

namespace kernmesh::policy {
namespace {

using namespace std::chrono_literals;

TEST(GoDuration, adds_numbers_with_units) {
  struct Row {
    std::string_view text;
    std::chrono::nanoseconds expected;
  };
  const std::vector<Row> rows = {
      {"0", 0ns},
      {"-0", 0ns},
      {"0s", 0ns},
      {"1h", 1h},
      {"168h0m1s", 168h + 1s},
      {"1.5h", 90min},
      {".5s", 500ms},
      {"1.s", 1s},
      {"90m", 90min},
      {"1h30m", 90min},
      {"30m1h", 90min},
      {"-5m", -5min},
      {"+5m", 5min},
      {"7ms8us9ns", 7ms + 8us + 9ns},
      {"3\u00b5s", 3us},
      {"3\u03bcs", 3us},
      {"0.000000001s", 1ns},
  };
  for (const Row& row : rows) {
    const auto duration = parse_go_duration(row.text);
    ASSERT_TRUE(duration) << row.text;
    EXPECT_EQ(*duration, row.expected) << row.text;
  }
}

TEST(GoDuration, refuses_what_go_refuses) {
  for (const std::string_view text :
       {"", "-", "5", "h", ".h", "1d", "1 h", "1h ", "--1h", "1h-1m", "1.2.3s", "1H", "always",
        "99999999999999999999h", "800000h800000h"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

}  // namespace
}  // namespace kernmesh::policy
