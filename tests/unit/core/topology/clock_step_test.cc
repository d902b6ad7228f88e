// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/clock_step.h"

#include <gtest/gtest.h>

namespace kernmesh::topology {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WallTime kStepStart{seconds(1'800'000'000)};

TEST(ClockStep, clocks_that_go_on_together_have_not_stepped) {
  ClockStep step;
  MonoTime mono{};
  WallTime wall = kStepStart;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(step.read(mono, wall));
    mono += milliseconds(700);
    wall = kStepStart + std::chrono::floor<seconds>(mono.time_since_epoch());
  }
}

TEST(ClockStep, long_pause_is_no_step) {
  ClockStep step;
  step.read(MonoTime{}, kStepStart);
  EXPECT_FALSE(step.read(MonoTime{} + days(30), kStepStart + days(30)));
}

// C13: a day and ten years, back and ahead, and a clock that stands still.
TEST(ClockStep, c13_steps_are_told_with_their_size) {
  for (const seconds size : {seconds(days(1)), seconds(-days(1)), seconds(days(3650)),
                             seconds(-days(3650)), seconds(-10), seconds(10)}) {
    ClockStep step;
    step.read(MonoTime{}, kStepStart);
    const auto told = step.read(MonoTime{} + seconds(1), kStepStart + seconds(1) + size);
    ASSERT_TRUE(told) << size.count();
    EXPECT_EQ(*told, size);
    EXPECT_FALSE(step.read(MonoTime{} + seconds(2), kStepStart + seconds(2) + size)) << "told once";
  }
  ClockStep small;
  small.read(MonoTime{}, kStepStart);
  EXPECT_FALSE(small.read(MonoTime{} + seconds(1), kStepStart - seconds(8)));
}

TEST(ClockStep, c13_frozen_clock_that_is_read_each_second_never_steps) {
  ClockStep step;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(step.read(MonoTime{} + seconds(i), kStepStart));
}

}  // namespace
}  // namespace kernmesh::topology
