// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/start_pace.h"

#include <gtest/gtest.h>

namespace kernmesh::signin {
namespace {

constexpr MonoTime kStart = MonoTime(std::chrono::hours(1));

int taken(StartPace& pace, const std::string& source, MonoTime now, int attempts) {
  int count = 0;
  for (int i = 0; i < attempts; ++i) count += pace.take(source, now) ? 1 : 0;
  return count;
}

TEST(StartPace, one_address_has_its_share_and_leaves_the_rest) {
  StartPace pace;
  EXPECT_EQ(taken(pace, "192.0.2.7", kStart, 1000), 32);
  EXPECT_EQ(pace.take("192.0.2.7", kStart).error().code(), ErrorCode::kExhausted);
  EXPECT_TRUE(pace.take("192.0.2.8", kStart));
}

TEST(StartPace, an_address_gets_a_dozen_a_minute_after_its_burst) {
  StartPace pace;
  taken(pace, "192.0.2.7", kStart, 32);
  int count = 0;
  for (int second = 1; second <= 60; ++second) {
    count += taken(pace, "192.0.2.7", kStart + std::chrono::seconds(second), 10);
  }
  EXPECT_EQ(count, 12);
}

TEST(StartPace, many_addresses_have_no_more_together_than_all_may) {
  StartPace pace;
  int count = 0;
  for (int i = 0; i < 1000; ++i) count += taken(pace, std::to_string(i), kStart, 1);
  EXPECT_EQ(count, 64);
  EXPECT_TRUE(pace.take("new", kStart + std::chrono::seconds(1)));
  EXPECT_FALSE(pace.take("newer", kStart + std::chrono::seconds(1)));
}

TEST(StartPace, remembers_no_more_addresses_than_it_let_through) {
  StartPace pace;
  std::size_t most = 0;
  for (int second = 0; second < 1000; ++second) {
    for (int i = 0; i < 10; ++i) {
      static_cast<void>(pace.take(std::to_string(second) + "." + std::to_string(i),
                                  kStart + std::chrono::seconds(second)));
    }
    most = std::max(most, pace.sources());
  }
  EXPECT_GT(most, 64U);
  EXPECT_LE(most, 64U + 160U);
  EXPECT_TRUE(pace.take("last", kStart + std::chrono::hours(1)));
  EXPECT_EQ(pace.sources(), 1U);
}

}  // namespace
}  // namespace kernmesh::signin
