// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/quantity.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace kernmesh::adm {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

TEST(ParseSpan, reads_units_and_sums_of_them) {
  const std::vector<std::pair<std::string, std::int64_t>> cases{
      {"90s", 90},        {"30m", 1800},           {"24h", 86'400},
      {"7d", 604'800},    {"2w", 1'209'600},       {"1h30m", 5400},
      {"1d12h", 129'600}, {"1w1d1h1m1s", 694'861}, {"520w", 314'496'000}};
  for (const auto& [text, expected] : cases) {
    const auto span = parse_span(text);
    ASSERT_TRUE(span) << text << ": " << span.error().message();
    EXPECT_EQ(span->count(), expected) << text;
  }
}

TEST(ParseSpan, refuses_what_would_be_a_guess) {
  for (const char* text : {"", "24", "h", "-1h", "1h1h", "1m1h", "1.5h", "0s", "1y", " 1h", "1h ",
                           "1H", "600w", "99999999999999999999s", "9223372036854775807w"}) {
    EXPECT_FALSE(parse_span(text)) << text;
  }
}

TEST(Format, says_how_far_away_a_time_is) {
  const WallTime now(seconds(1'000'000));
  EXPECT_EQ(format_relative(now + seconds(1), now), "now");
  EXPECT_EQ(format_relative(now + seconds(86'400), now), "in 24 h");
  EXPECT_EQ(format_relative(now + seconds(200'000), now), "in 2 days");
  EXPECT_EQ(format_relative(now - seconds(59), now), "59 s ago");
  EXPECT_EQ(format_relative(now - seconds(61), now), "1 min ago");
}

TEST(Format, keeps_two_digits_of_a_latency) {
  EXPECT_EQ(format_latency(microseconds(85)), "0.09 ms");
  EXPECT_EQ(format_latency(microseconds(994)), "0.99 ms");
  EXPECT_EQ(format_latency(microseconds(1'800)), "1.8 ms");
  EXPECT_EQ(format_latency(microseconds(9'960)), "10 ms");
  EXPECT_EQ(format_latency(microseconds(142'300)), "142 ms");
  EXPECT_EQ(format_latency(microseconds(2'100'000)), "2.1 s");
}

TEST(Format, writes_sizes_in_powers_of_1024) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1229), "1.2 KiB");
  EXPECT_EQ(format_bytes(1'048'575), "1.0 MiB");
  EXPECT_EQ(format_bytes(std::uint64_t{35} << 20), "35 MiB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "16 EiB");
}

}  // namespace
}  // namespace kernmesh::adm
