// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/path_mtu.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <random>

namespace kernmesh::path {
namespace {

constexpr std::uint32_t kJumbo = 32 + 8912;

// A way that drops what is larger than `carries`, and of the rest some.
class SimulatedWay {
 public:
  explicit SimulatedWay(std::uint32_t largest) { mtu.set_largest(now, largest); }

  void run(Duration span) {
    const MonoTime end = now + span;
    while (mtu.next_at() && *mtu.next_at() < end) {
      now = std::max(now, *mtu.next_at());
      mtu.on_silence(now, last_pong);
      const auto size = mtu.next_size();
      if (!size || *mtu.next_at() > now) continue;
      if (mtu.wants_witness() && is_alive && !is_lost()) last_pong = now;
      mtu.on_sent(now, kMtuPatience);
      ++sent;
      largest_sent = std::max(largest_sent, *size);
      if (!is_alive || *size > carries || is_lost()) continue;
      last_pong = now;
      mtu.on_answer(now, *size, now);
    }
    now = end;
  }

  PathMtu mtu;
  MonoTime now{std::chrono::hours(1)};
  std::optional<MonoTime> last_pong;
  std::uint32_t carries = 65535;
  std::uint32_t largest_sent = 0;
  double loss = 0;
  bool is_alive = true;
  int sent = 0;

 private:
  bool is_lost() { return std::uniform_real_distribution<>(0, 1)(random_) < loss; }
  std::mt19937 random_{7};
};

TEST(PathMtu, the_largest_is_counted_on_at_once_and_proven_by_one_ping) {
  SimulatedWay way(kEthernetMessage);
  EXPECT_EQ(way.mtu.bytes(), kEthernetMessage);
  EXPECT_FALSE(way.mtu.is_proven());
  way.run(seconds(1));
  EXPECT_TRUE(way.mtu.is_proven());
  EXPECT_EQ(way.sent, 1);
}

TEST(PathMtu, what_does_not_pass_is_not_counted_on_after_a_second) {
  SimulatedWay way(kJumbo);
  way.carries = kEthernetMessage;
  way.run(seconds(1));
  EXPECT_LE(way.mtu.bytes(), way.carries);
  way.run(milliseconds(100));
  EXPECT_EQ(way.mtu.bytes(), kEthernetMessage) << "an Ethernet's is tried before any other";
}

RC_GTEST_PROP(PathMtu, finds_exactly_what_the_way_carries, ()) {
  const auto largest = 32 + 16 * *rc::gen::inRange(75u, 558u);
  SimulatedWay way(largest);
  way.carries = *rc::gen::inRange(kBaseMessage, largest + 200);
  way.run(seconds(15));
  const auto best = std::min(largest, way.carries);
  RC_ASSERT(way.mtu.bytes() == kBaseMessage + (best - kBaseMessage) / 16 * 16);
  RC_ASSERT(way.largest_sent <= largest);
}

TEST(PathMtu, a_way_that_narrows_is_noticed_and_one_that_widens_found_again) {
  SimulatedWay way(kEthernetMessage);
  way.run(seconds(60));
  way.carries = 1300;
  way.run(kMtuConfirm + seconds(1));
  EXPECT_LE(way.mtu.bytes(), way.carries);
  way.run(seconds(10));
  EXPECT_EQ(way.mtu.bytes(), 1296u);
  way.carries = 65535;
  way.run(kMtuRaise + seconds(10));
  EXPECT_EQ(way.mtu.bytes(), kEthernetMessage);
}

TEST(PathMtu, an_answer_from_before_a_way_got_narrower_proves_nothing) {
  SimulatedWay way(kEthernetMessage);
  way.run(seconds(30));
  const MonoTime wide = way.now;
  way.carries = 1300;
  way.run(kMtuConfirm + seconds(1));
  way.mtu.on_answer(way.now, kEthernetMessage, wide);
  EXPECT_LE(way.mtu.bytes(), way.carries);
}

TEST(PathMtu, one_that_carries_no_more_than_the_base_is_tried_again_later) {
  SimulatedWay way(kEthernetMessage);
  way.carries = 1000;
  way.run(seconds(30));
  EXPECT_EQ(way.mtu.bytes(), kBaseMessage);
  way.sent = 0;
  way.run(seconds(3600));
  EXPECT_LT(way.sent, 15 * 15) << "15 times all that there is to try";
  way.carries = 65535;
  way.run(kMtuRaise);
  EXPECT_EQ(way.mtu.bytes(), kEthernetMessage);
}

TEST(PathMtu, a_way_that_answers_nothing_says_nothing_about_sizes) {
  SimulatedWay way(kEthernetMessage);
  way.is_alive = false;
  way.run(seconds(60));
  EXPECT_EQ(way.mtu.bytes(), kEthernetMessage);
}

TEST(PathMtu, loss_costs_a_smaller_size_for_a_moment_only) {
  SimulatedWay way(kEthernetMessage);
  way.loss = 0.3;
  int small = 0;
  constexpr int kSeconds = 3600;
  for (int i = 0; i < kSeconds; ++i) {
    way.run(seconds(1));
    if (way.mtu.bytes() < kEthernetMessage) ++small;
  }
  EXPECT_LT(small, kSeconds / 5);
}

TEST(PathMtu, what_is_tested_is_bounded) {
  SimulatedWay way(kEthernetMessage);
  way.run(seconds(3600));
  EXPECT_LE(way.sent, 3600 / 6 + 2);
}

TEST(PathMtu, another_largest_begins_anew) {
  SimulatedWay way(kJumbo);
  way.carries = kEthernetMessage;
  way.run(seconds(30));
  way.mtu.set_largest(way.now, kEthernetMessage);
  EXPECT_EQ(way.mtu.bytes(), kEthernetMessage);
  EXPECT_FALSE(way.mtu.is_proven());
  way.run(seconds(1));
  EXPECT_TRUE(way.mtu.is_proven());
}

TEST(PathMtu, without_a_largest_nothing_is_tested) {
  SimulatedWay way(0);
  way.run(seconds(60));
  EXPECT_EQ(way.sent, 0);
  EXPECT_FALSE(way.mtu.next_at());
}

}  // namespace
}  // namespace kernmesh::path
