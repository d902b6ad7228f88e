// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/stranger_time.h"

#include <gtest/gtest.h>

namespace kernmesh::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kStart{std::chrono::hours(1)};

TEST(StrangerTime, is_used_up_after_fifteen_seconds) {
  StrangerTime time;
  EXPECT_FALSE(time.is_used_up(kStart + std::chrono::hours(1))) << "not begun";
  time.begin(kStart);
  EXPECT_FALSE(time.is_used_up(kStart + milliseconds(14'999)));
  EXPECT_TRUE(time.is_used_up(kStart + seconds(15)));
}

TEST(StrangerTime, begun_again_it_goes_on) {
  StrangerTime time;
  time.begin(kStart);
  time.begin(kStart + seconds(10));
  EXPECT_TRUE(time.is_used_up(kStart + seconds(15)));
}

TEST(StrangerTime, stands_still_while_a_client_is_bound) {
  StrangerTime time;
  time.begin(kStart);
  time.end(kStart + seconds(1));
  time.end(kStart + seconds(50));
  EXPECT_FALSE(time.is_used_up(kStart + seconds(1000)));
  time.begin(kStart + seconds(1000));
  EXPECT_FALSE(time.is_used_up(kStart + seconds(1013)));
  EXPECT_TRUE(time.is_used_up(kStart + seconds(1014))) << "1 s of before counts";
}

// One ticket bound on each of many connections in turn, just before its time is up.
TEST(StrangerTime, going_to_and_fro_wins_no_time) {
  StrangerTime time;
  MonoTime now = kStart;
  Duration as_stranger{};
  time.begin(now);
  while (!time.is_used_up(now)) {
    now += seconds(1);
    as_stranger += seconds(1);
    time.end(now);
    now += milliseconds(10);
    time.begin(now);
    ASSERT_LE(as_stranger, kMostStrangerTime);
  }
  EXPECT_EQ(as_stranger, kMostStrangerTime);
}

}  // namespace
}  // namespace kernmesh::relay
