// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/clock_guard.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "controller/agent/file.h"

namespace kernmesh::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class ClockGuardTest : public testing::Test {
 protected:
  ClockGuardTest() {
    std::string pattern = testing::TempDir() + "clock.XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    dir = pattern;
    EXPECT_TRUE(prepare_state_dir(dir));
  }
  ~ClockGuardTest() override { std::filesystem::remove_all(dir); }
  // An agent that runs at that time, and no longer.
  bool went_back_for_who_starts_at(WallTime wall) {
    ClockGuard guard(dir);
    guard.read(MonoTime{}, wall);
    return guard.went_back();
  }

  std::string dir;
  // After the file was made.
  const WallTime start = std::chrono::floor<seconds>(std::chrono::system_clock::now()) + hours(1);
};

TEST_F(ClockGuardTest, clock_set_back_while_no_agent_ran_is_noticed_until_a_new_key_stands) {
  EXPECT_FALSE(went_back_for_who_starts_at(start));
  EXPECT_FALSE(went_back_for_who_starts_at(start + seconds(9)));
  EXPECT_FALSE(went_back_for_who_starts_at(start)) << "drift, and clocks read one after the other";
  EXPECT_TRUE(went_back_for_who_starts_at(start - hours(1)));
  EXPECT_TRUE(went_back_for_who_starts_at(start - hours(1) + seconds(90))) << "no key since";
  ClockGuard guard(dir);
  guard.read(MonoTime{}, start - hours(1));
  guard.forgive();
  guard.read(MonoTime{} + seconds(1), start - hours(1) + seconds(1));
  EXPECT_FALSE(guard.went_back());
  EXPECT_FALSE(went_back_for_who_starts_at(start - hours(1) + seconds(2)));
}

TEST_F(ClockGuardTest, step_back_that_no_new_key_stands_for_outlives_the_agent) {
  ClockGuard guard(dir);
  guard.read(MonoTime{}, start);
  guard.read(MonoTime{} + seconds(1), start - hours(1));
  EXPECT_TRUE(guard.went_back());
  EXPECT_TRUE(went_back_for_who_starts_at(start - hours(1) + seconds(5)));
}

TEST_F(ClockGuardTest, time_is_noted_once_a_minute) {
  ClockGuard guard(dir);
  guard.read(MonoTime{}, start);
  guard.read(MonoTime{} + seconds(59), start + seconds(59));
  EXPECT_FALSE(went_back_for_who_starts_at(start));
  guard.read(MonoTime{} + seconds(60), start + seconds(60));
  EXPECT_TRUE(went_back_for_who_starts_at(start));
}

}  // namespace
}  // namespace kernmesh::agent
