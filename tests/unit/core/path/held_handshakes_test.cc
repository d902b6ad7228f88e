// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/held_handshakes.h"

#include <gtest/gtest.h>

namespace kernmesh::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kStart{std::chrono::hours(1)};
constexpr NodeId kPeer{7};
const Bytes kInitiation(148, 1), kResponse(92, 2);

class HeldHandshakesTest : public testing::Test {
 protected:
  // When copies left until `end`, since kStart.
  std::vector<Duration> run_until(Duration end) {
    std::vector<Duration> sent;
    while (const auto due = held_.next_deadline()) {
      if (*due > kStart + end) break;
      EXPECT_GE(*due, now_) << "a deadline that has passed comes for ever";
      now_ = *due;
      for (const auto& message : held_.take_due(now_, peers_)) {
        EXPECT_EQ(message.peer, kPeer);
        firsts_ += message.is_first;
        last_ = message.bytes;
        sent.push_back(now_ - kStart);
      }
      // Every deadline is over once it was served.
      now_ += milliseconds(1);
    }
    return sent;
  }

  HeldHandshakes held_;
  std::optional<MonoTime> heard_;
  bool has_way_ = true;
  const HeldHandshakes::Peers peers_{[this](NodeId) { return heard_; },
                                     [this](NodeId) { return has_way_; }};
  Bytes last_;
  int firsts_ = 0;
  MonoTime now_ = kStart;
};

TEST_F(HeldHandshakesTest, leaves_when_there_is_a_path_and_again_until_something_comes_back) {
  held_.hold(kStart, kPeer, kInitiation);
  EXPECT_TRUE(run_until(milliseconds(300)).empty()) << "sent without a path";
  held_.on_path(kStart + milliseconds(300), kPeer);
  EXPECT_EQ(run_until(milliseconds(345)),
            (std::vector<Duration>{milliseconds(300), milliseconds(340)}));
  EXPECT_EQ(last_, kInitiation);
  heard_ = kStart + milliseconds(350);
  EXPECT_TRUE(run_until(seconds(10)).empty());
  EXPECT_FALSE(held_.next_deadline()) << "something is held for ever";
}

TEST_F(HeldHandshakesTest, leaves_four_times_at_most_and_not_after_five_seconds) {
  held_.hold(kStart, kPeer, kInitiation);
  held_.on_path(kStart, kPeer);
  EXPECT_EQ(run_until(seconds(60)).size(), 4U);
  EXPECT_EQ(firsts_, 1);
  EXPECT_FALSE(held_.next_deadline());

  now_ = kStart;
  held_.hold(kStart, kPeer, kInitiation);
  held_.on_path(kStart + milliseconds(4990), kPeer);
  EXPECT_EQ(run_until(seconds(60)).size(), 1U);
  held_.on_path(kStart + seconds(61), kPeer);
  EXPECT_TRUE(run_until(seconds(90)).empty()) << "WireGuard has begun anew since";
}

// What is heard may be the peer's own handshake, or speak of a session that this end has forgotten.
TEST_F(HeldHandshakesTest, the_first_copy_is_put_off_for_a_moment_when_the_peer_was_heard) {
  held_.hold(kStart, kPeer, kInitiation);
  heard_ = kStart + milliseconds(10);
  held_.on_path(kStart + milliseconds(20), kPeer);
  EXPECT_EQ(run_until(milliseconds(101)),
            (std::vector<Duration>{milliseconds(60), milliseconds(100)}));
  now_ = kStart;
  held_.hold(kStart, kPeer, kInitiation);
  held_.on_path(kStart + milliseconds(20), kPeer);
  EXPECT_TRUE(run_until(milliseconds(30)).empty());
  held_.drop(kPeer);
  EXPECT_TRUE(run_until(seconds(10)).empty());
}

TEST_F(HeldHandshakesTest, what_has_left_already_leaves_again_while_nothing_comes_back) {
  held_.repeat(kStart, kPeer, kInitiation);
  EXPECT_EQ(run_until(milliseconds(250)),
            (std::vector<Duration>{milliseconds(40), milliseconds(200)}));
  EXPECT_EQ(firsts_, 0) << "that one is not the first";
  heard_ = kStart + milliseconds(300);
  EXPECT_TRUE(run_until(seconds(10)).empty());
  now_ = kStart;
  heard_ = kStart + milliseconds(20);
  held_.repeat(kStart, kPeer, kInitiation);
  EXPECT_TRUE(run_until(seconds(10)).empty());
}

TEST_F(HeldHandshakesTest, the_newest_message_stands_for_those_before) {
  held_.hold(kStart, kPeer, kInitiation);
  held_.on_path(kStart + milliseconds(300), kPeer);
  held_.hold(kStart + milliseconds(100), kPeer, kResponse);
  EXPECT_TRUE(run_until(milliseconds(400)).empty()) << "there was no path for the answer";
  held_.on_path(kStart + milliseconds(400), kPeer);
  EXPECT_FALSE(run_until(milliseconds(401)).empty());
  EXPECT_EQ(last_, kResponse);
}

TEST_F(HeldHandshakesTest, a_path_that_is_confirmed_again_begins_nothing_anew) {
  held_.hold(kStart, kPeer, kInitiation);
  held_.on_path(kStart, kPeer);
  EXPECT_EQ(run_until(milliseconds(10)).size(), 1U);
  held_.on_path(kStart + milliseconds(10), kPeer);
  EXPECT_TRUE(run_until(milliseconds(39)).empty());
}

TEST_F(HeldHandshakesTest, a_copy_that_finds_the_way_gone_is_not_counted_and_leaves_by_the_next) {
  held_.hold(kStart, kPeer, kInitiation);
  held_.on_path(kStart, kPeer);
  has_way_ = false;
  EXPECT_TRUE(run_until(milliseconds(500)).empty());
  has_way_ = true;
  EXPECT_TRUE(run_until(milliseconds(600)).empty()) << "nobody has said that there is a way";
  held_.on_path(kStart + milliseconds(700), kPeer);
  EXPECT_EQ(run_until(milliseconds(745)),
            (std::vector<Duration>{milliseconds(700), milliseconds(740)}));
  EXPECT_EQ(firsts_, 1);
  has_way_ = false;
  EXPECT_TRUE(run_until(milliseconds(1000)).empty());
  has_way_ = true;
  held_.on_path(kStart + milliseconds(1001), kPeer);
  EXPECT_EQ(run_until(seconds(60)).size(), 2U) << "four in all";
  EXPECT_EQ(firsts_, 1);
}

TEST_F(HeldHandshakesTest, is_bounded_and_loses_the_oldest) {
  for (std::size_t i = 0; i <= HeldHandshakes::kMost; ++i)
    held_.hold(kStart + milliseconds(i), NodeId(i + 1), kInitiation);
  for (std::size_t i = 0; i <= HeldHandshakes::kMost; ++i)
    held_.on_path(kStart + seconds(2), NodeId(i + 1));
  const auto sent = held_.take_due(kStart + seconds(2), peers_);
  ASSERT_EQ(sent.size(), HeldHandshakes::kMost);
  EXPECT_EQ(sent.front().peer, NodeId(2));
  held_.drop(NodeId(2));
  EXPECT_EQ(held_.take_due(kStart + seconds(3), peers_).size(), HeldHandshakes::kMost - 1);
}

}  // namespace
}  // namespace kernmesh::path
