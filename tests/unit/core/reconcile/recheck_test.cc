// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/recheck.h"

#include <gtest/gtest.h>

namespace kernmesh::reconcile {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Recheck, comes_every_ten_seconds_in_a_small_network) {
  EXPECT_EQ(pause_after_recheck(microseconds(100)), seconds(10));
  EXPECT_EQ(pause_after_recheck(Duration(0)), seconds(10));
}

TEST(Recheck, takes_no_more_than_a_four_thousandth_of_the_time_in_a_large_one) {
  EXPECT_EQ(pause_after_recheck(milliseconds(250)), seconds(1000));
  for (int ms = 5; ms <= 900; ms += 5) {
    const auto pause = pause_after_recheck(milliseconds(ms));
    ASSERT_GE(pause / milliseconds(ms), 4000) << ms;
  }
}

TEST(Recheck, comes_once_an_hour_however_long_it_took) {
  EXPECT_EQ(pause_after_recheck(seconds(60)), hours(1));
}

TEST(Refresh, pauses_a_tenth_of_a_second_and_ten_times_what_it_took) {
  EXPECT_EQ(pause_after_refresh(Duration(0)), milliseconds(100));
  EXPECT_EQ(pause_after_refresh(milliseconds(10)), milliseconds(100));
  EXPECT_EQ(pause_after_refresh(milliseconds(70)), milliseconds(700));
}

}  // namespace
}  // namespace kernmesh::reconcile
