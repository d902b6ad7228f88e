// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/data_silence.h"

#include <gtest/gtest.h>

namespace kernmesh::path {
namespace {

constexpr MonoTime kStart{std::chrono::hours(1)};
constexpr Duration kTrip = milliseconds(20);

// Read every 200 ms: both sides send something every `gap`; the peer until `silent`.
class Talk {
 public:
  explicit Talk(Duration gap) : gap_(gap) {}
  // The moments of asking.
  std::vector<Duration> run(Duration span, std::optional<Duration> silent = std::nullopt) {
    std::vector<Duration> asked;
    for (const MonoTime end = now_ + span; now_ < end; now_ += milliseconds(200)) {
      const Duration passed = now_ - kStart;
      const Duration heard = silent ? std::min(passed, *silent) : passed;
      // The peer speaks in the middle between two words of ours.
      const MonoTime tx = kStart + passed / gap_ * gap_;
      const MonoTime rx = kStart + (heard - gap_ / 2) / gap_ * gap_ + gap_ / 2;
      if (silence_.on_reading(tx, rx, kTrip)) asked.push_back(passed);
    }
    return asked;
  }

 private:
  Duration gap_;
  MonoTime now_ = kStart;
  DataSilence silence_;
};

TEST(DataSilence, is_asked_about_soon_and_once_in_a_lively_talk) {
  Talk talk(milliseconds(10));
  EXPECT_TRUE(talk.run(seconds(10)).empty());
  const auto asked = talk.run(seconds(10), seconds(10));
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_LE(asked[0] - seconds(10), 2 * kDataSilence);
}

TEST(DataSilence, of_a_slow_talk_is_no_sign_until_it_is_unusual) {
  Talk talk(milliseconds(500));
  EXPECT_TRUE(talk.run(seconds(30)).empty());
  const auto asked = talk.run(seconds(10), seconds(30));
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_GT(asked[0] - seconds(30), milliseconds(500));
  EXPECT_LE(asked[0] - seconds(30), milliseconds(2500));
}

TEST(DataSilence, of_one_who_only_listens_is_asked_about_no_more_than_he_speaks) {
  DataSilence silence;
  int asked = 0;
  // WireGuard answers after ten seconds.
  for (int step = 0; step < 5 * 60; ++step) {
    const MonoTime now = kStart + milliseconds(200) * step;
    asked += silence.on_reading(now, kStart + seconds(10) * (step / 50), kTrip) ? 1 : 0;
  }
  EXPECT_LE(asked, 1);
}

TEST(DataSilence, is_none_while_nothing_was_sent) {
  DataSilence silence;
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(silence.on_reading(kStart, kStart + milliseconds(10) * i, kTrip));
  EXPECT_FALSE(silence.on_reading(kStart, kStart + seconds(1), kTrip));
}

TEST(DataSilence, is_longer_on_a_long_way) {
  DataSilence silence;
  const Duration far = milliseconds(400);
  for (int i = 0; i < 100; ++i) {
    const MonoTime at = kStart + milliseconds(200) * i;
    silence.on_reading(at, at, far);
  }
  const MonoTime last = kStart + milliseconds(200) * 99;
  EXPECT_FALSE(silence.on_reading(last + milliseconds(1199), last, far));
  EXPECT_TRUE(silence.on_reading(last + milliseconds(1200), last, far));
}

}  // namespace
}  // namespace kernmesh::path
