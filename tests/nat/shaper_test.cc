// SPDX-License-Identifier: Apache-2.0
#include "tests/nat/shaper.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace kernmesh::nat {
namespace {

using std::chrono::milliseconds;

// 10,000 packets, one a millisecond; the numbers of those that arrive, in their order.
std::vector<int> arrivals(const Shaping& shaping, Duration& latest) {
  Shaper<int> shaper(shaping, 7);
  std::vector<int> order;
  MonoTime now{std::chrono::hours(1)};
  const auto collect = [&] {
    while (const auto packet = shaper.take(now)) {
      order.push_back(*packet);
      const MonoTime sent = MonoTime(std::chrono::hours(1)) + milliseconds(*packet);
      latest = std::max<Duration>(latest, now - sent);
    }
  };
  for (int n = 0; n < 10'000; ++n, now += milliseconds(1)) {
    shaper.put(now, n);
    collect();
  }
  for (; shaper.next(); now += milliseconds(1)) collect();
  return order;
}

TEST(Shaper, loses_the_share_that_it_is_told_to) {
  Duration latest{};
  const auto order = arrivals({.loss = 0.3}, latest);
  EXPECT_NEAR(static_cast<double>(order.size()), 7000, 200);
}

TEST(Shaper, delays_and_keeps_the_order_under_jitter) {
  Duration latest{};
  const auto order = arrivals({.delay = milliseconds(20), .jitter = milliseconds(500)}, latest);
  EXPECT_EQ(order.size(), 10'000U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_GE(latest, milliseconds(400));
  EXPECT_LE(latest, milliseconds(521));
}

TEST(Shaper, lets_the_share_that_it_is_told_to_overtake) {
  Duration latest{};
  const auto order =
      arrivals({.delay = milliseconds(20), .jitter = milliseconds(500), .reordered = 0.1}, latest);
  int overtook = 0;
  int lowest_later = 10'000;
  for (auto number = order.rbegin(); number != order.rend(); ++number) {
    if (*number > lowest_later) ++overtook;
    lowest_later = std::min(lowest_later, *number);
  }
  EXPECT_NEAR(overtook, 1000, 150);
}

TEST(Shaper, loses_what_does_not_fit) {
  Shaper<int> shaper({.delay = milliseconds(1)}, 1);
  const MonoTime now{};
  for (std::size_t n = 0; n < Shaper<int>::kMostPackets + 10; ++n) shaper.put(now, 1);
  std::size_t left = 0;
  while (shaper.take(now + milliseconds(2))) ++left;
  EXPECT_EQ(left, Shaper<int>::kMostPackets);
}

}  // namespace
}  // namespace kernmesh::nat
