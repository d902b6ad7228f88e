// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/policy_lease.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace kernmesh::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr ClockReading kNow{MonoTime(hours(100)), WallTime(seconds(2'000'000'000))};

TEST(LeaseEnd, is_the_age_that_is_left_from_now_on) {
  EXPECT_EQ(lease_end(hours(2), kNow.wall, kNow), kNow.mono + hours(2));
  EXPECT_EQ(lease_end(hours(2), kNow.wall - seconds(1800), kNow), kNow.mono + seconds(5400));
}

TEST(LeaseEnd, lies_in_the_past_when_the_server_was_not_heard_for_so_long) {
  for (const auto heard : {kNow.wall - hours(2), kNow.wall - hours(9), WallTime{}}) {
    const auto end = lease_end(hours(2), heard, kNow);
    EXPECT_NE(end, MonoTime{}) << "that would be never";
    EXPECT_LT(end, kNow.mono);
  }
}

TEST(LeaseEnd, lies_in_the_past_when_the_clock_was_set_back_behind_the_last_word) {
  EXPECT_LT(lease_end(hours(2), kNow.wall + seconds(1), kNow), kNow.mono);
}

TEST(LeaseEnd, is_never_without_a_limit) {
  EXPECT_EQ(lease_end(Duration{}, WallTime{}, kNow), MonoTime{});
}

class Lease : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "lease.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  void put(const char* name, WallTime at) const {
    std::ofstream(dir_ + "/" + name) << "x";
    const timespec times[2] = {{at.time_since_epoch().count(), 0},
                               {at.time_since_epoch().count(), 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, (dir_ + "/" + name).c_str(), times, 0), 0);
  }
  std::string dir_;
};

TEST_F(Lease, of_an_agent_that_has_never_heard_a_server_has_ended) {
  EXPECT_TRUE(PolicyLease(hours(2), dir_, kNow).has_ended(kNow.mono));
}

TEST_F(Lease, goes_on_after_a_restart_where_it_was) {
  put("netmap", kNow.wall - hours(50));
  put("heard", kNow.wall - seconds(600));
  const PolicyLease lease(hours(2), dir_, kNow);
  EXPECT_EQ(lease.end(), kNow.mono + seconds(6600));
  EXPECT_FALSE(lease.has_ended(kNow.mono));
  EXPECT_TRUE(lease.has_ended(kNow.mono + seconds(6600)));
}

TEST_F(Lease, counts_from_the_stored_netmap_when_the_limit_is_new) {
  put("netmap", kNow.wall - seconds(600));
  EXPECT_EQ(PolicyLease(hours(2), dir_, kNow).end(), kNow.mono + seconds(6600));
}

TEST_F(Lease, begins_anew_when_the_server_is_heard_and_the_next_agent_knows) {
  PolicyLease lease(hours(2), dir_, kNow);
  ASSERT_TRUE(lease.renew(kNow));
  EXPECT_EQ(lease.end(), kNow.mono + hours(2));
  struct stat found {};
  ASSERT_EQ(stat((dir_ + "/heard").c_str(), &found), 0);
  const ClockReading later{kNow.mono, WallTime(seconds(found.st_mtime))};
  EXPECT_EQ(PolicyLease(hours(2), dir_, later).end(), kNow.mono + hours(2));
}

TEST_F(Lease, writes_no_more_than_once_a_minute) {
  PolicyLease lease(hours(2), dir_, kNow);
  ASSERT_TRUE(lease.renew(kNow));
  ASSERT_TRUE(std::filesystem::remove(dir_ + "/heard"));
  ASSERT_TRUE(lease.renew({kNow.mono + seconds(59), kNow.wall}));
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/heard"));
  EXPECT_EQ(lease.end(), kNow.mono + seconds(59) + hours(2)) << "the lease itself is renewed";
  ASSERT_TRUE(lease.renew({kNow.mono + seconds(60), kNow.wall}));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/heard"));
}

TEST_F(Lease, without_a_limit_never_ends_and_writes_nothing) {
  PolicyLease lease(Duration{}, dir_, kNow);
  EXPECT_FALSE(lease.has_ended(kNow.mono + hours(999)));
  ASSERT_TRUE(lease.renew(kNow));
  EXPECT_EQ(lease.end(), MonoTime{});
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/heard"));
}

}  // namespace
}  // namespace kernmesh::agent
