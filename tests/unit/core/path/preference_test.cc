// SPDX-License-Identifier: Apache-2.0
// Which of two and of many working ways is better, at each side of every threshold.
#include "controller/core/path/preference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace kernmesh::path {
namespace {

// What a way leads through.
enum class Access : std::uint8_t { kV4, kV4Near, kV6, kV6Near, kRelay, kRelayV6 };
constexpr int kAccesses = 6;

Endpoint place_at(const char* text) { return {IpAddress::parse(text).value(), Port(4500)}; }
const std::vector<IpAddress>& ours() {
  static const std::vector local{place_at("10.1.1.7").address, place_at("fd00:1::7").address};
  return local;
}
Way way_of(Access kind) {
  switch (kind) {
    case Access::kV4:
      return place_at("192.0.2.1");
    case Access::kV4Near:
      return place_at("10.1.1.1");
    case Access::kV6:
      return place_at("2001:db8::1");
    case Access::kV6Near:
      return place_at("fd00:1::1");
    case Access::kRelay:
      return {place_at("198.51.100.1"), relay::Channel(1)};
    default:
      return {place_at("2001:db8:1::1"), relay::Channel(1)};
  }
}

struct Sample {
  double ms;
  Access kind;
};
Candidate candidate(const Sample& sample) {
  Candidate c;
  c.way = way_of(sample.kind);
  c.latency =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(sample.ms));
  return c;
}
bool leaves(const Sample& from, const Sample& to) {
  const Candidate held = candidate(from), other = candidate(to);
  const Candidate* const others[]{&other};
  return better_than(held, others, ours()) != nullptr;
}
std::vector<const Candidate*> pointers(const std::vector<Candidate>& list) {
  std::vector<const Candidate*> all;
  for (const auto& c : list) all.push_back(&c);
  return all;
}
// Where one goes from the way of that number; itself when one stays.
std::size_t next(const std::vector<Candidate>& ways, std::size_t held) {
  auto others = pointers(ways);
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(held));
  const Candidate* to = better_than(ways[held], others, ours());
  return to == nullptr ? held : static_cast<std::size_t>(to - ways.data());
}

TEST(Preference, ranks_the_family_before_the_network) {
  const struct {
    const char* address;
    int rank;
  } rows[] = {{"192.0.2.1", 0},   {"10.1.1.200", 1}, {"10.1.2.7", 0},      {"10.1.0.7", 0},
              {"2001:db8::1", 2}, {"fd00:1::1", 3},  {"fd00:1:0:1::7", 2}, {"fd00:1::ffff", 3}};
  for (const auto& row : rows)
    EXPECT_EQ(rank(place_at(row.address), ours()), row.rank) << row.address;
  EXPECT_EQ(rank(place_at("10.1.1.200"), {}), 0) << "nothing is near without addresses of ours";
  EXPECT_EQ(rank(place_at("fd00:1::1"), {}), 2);
}

TEST(Preference, moves_at_the_threshold_of_every_rule_and_not_before) {
  const struct {
    const char* rule;
    Sample held, other;
    bool moves;
  } rows[] = {
      {"direct, whatever it costs", {1, Access::kRelay}, {900, Access::kV4}, true},
      {"never back to a relay", {900, Access::kV4}, {1, Access::kRelayV6}, false},
      {"faster by a quarter", {100, Access::kV4}, {75, Access::kV4}, true},
      {"not quite by a quarter", {100, Access::kV4}, {75.001, Access::kV4}, false},
      {"faster by 2 ms", {4, Access::kV4}, {2, Access::kV4}, true},
      {"not quite by 2 ms", {4, Access::kV4}, {2.001, Access::kV4}, false},
      {"where both margins meet", {8, Access::kV4}, {6, Access::kV4}, true},
      {"just above 8 ms a quarter counts", {8.1, Access::kV4}, {6.1, Access::kV4}, false},
      {"equal in everything", {10, Access::kV6}, {10, Access::kV6}, false},
      {"IPv6 among equals", {100, Access::kV4}, {100, Access::kV6}, true},
      {"IPv6 though slower by half the noise", {100, Access::kV4}, {112.5, Access::kV6}, true},
      {"IPv6 slower by more", {100, Access::kV4}, {112.501, Access::kV6}, false},
      {"IPv6 though slower by 1 ms", {2, Access::kV4}, {3, Access::kV6}, true},
      {"IPv6 slower by more than 1 ms", {2, Access::kV4}, {3.001, Access::kV6}, false},
      {"never to IPv4 among equals", {100, Access::kV6}, {100, Access::kV4}, false},
      {"never to IPv4 for less than the noise", {100, Access::kV6}, {75.001, Access::kV4}, false},
      {"to IPv4 for the noise", {100, Access::kV6}, {75, Access::kV4}, true},
      {"our network among equals", {10, Access::kV4}, {10, Access::kV4Near}, true},
      {"our network in IPv6", {10, Access::kV6}, {11.25, Access::kV6Near}, true},
      {"our network is less than IPv6", {10, Access::kV6}, {10, Access::kV4Near}, false},
      {"IPv6 is more than our network", {10, Access::kV4Near}, {10, Access::kV6}, true},
      {"a faster relay", {100, Access::kRelay}, {75, Access::kRelay}, true},
      {"a relay that is not fast enough", {100, Access::kRelay}, {75.001, Access::kRelay}, false},
      {"a relay by IPv6", {100, Access::kRelay}, {100, Access::kRelayV6}, true},
  };
  for (const auto& row : rows) EXPECT_EQ(leaves(row.held, row.other), row.moves) << row.rule;
}

// Few values near each other, so that thresholds are met exactly.
Sample random_sample(std::mt19937& random) {
  const double scale = random() % 2 == 0 ? 0.25 : 4;
  return {scale * static_cast<double>(1 + random() % 40),
          static_cast<Access>(random() % kAccesses)};
}

TEST(Preference, never_finds_each_of_two_worth_leaving_for_the_other) {
  std::mt19937 random(1);
  int moved = 0;
  for (int i = 0; i < 200'000; ++i) {
    const Sample a = random_sample(random), b = random_sample(random);
    const bool there = leaves(a, b), back = leaves(b, a);
    moved += there ? 1 : 0;
    ASSERT_FALSE(there && back) << a.ms << " ms, kind " << static_cast<int>(a.kind) << " and "
                                << b.ms << " ms, kind " << static_cast<int>(b.kind);
  }
  EXPECT_GT(moved, 50'000);
}

TEST(Preference, of_many_one_move_suffices_whatever_the_order) {
  std::mt19937 random(2);
  for (int i = 0; i < 50'000; ++i) {
    std::vector<Candidate> ways;
    for (std::size_t n = 2 + random() % 6; n > 0; --n)
      ways.push_back(candidate(random_sample(random)));
    for (std::size_t held = 0; held < ways.size(); ++held) {
      const std::size_t there = next(ways, held);
      ASSERT_EQ(next(ways, there), there);
    }
    const Candidate* first = preferred(pointers(ways), ours());
    ASSERT_EQ(better_than(*first, pointers(ways), ours()), nullptr);
    const auto found = std::pair(rank(first->way, ours()), *first->latency);
    std::reverse(ways.begin(), ways.end());
    const Candidate* other_order = preferred(pointers(ways), ours());
    ASSERT_EQ(std::pair(rank(other_order->way, ours()), *other_order->latency), found);
  }
}

TEST(Preference, finds_the_one_that_is_worth_it_behind_one_that_is_not) {
  const std::vector ways{candidate({110, Access::kV4}), candidate({100, Access::kV4}),
                         candidate({80, Access::kV4})};
  EXPECT_EQ(next(ways, 0), 2U);
}

TEST(Preference, does_not_go_in_a_circle_by_small_steps) {
  const std::vector ways{candidate({4, Access::kV6}), candidate({2, Access::kV4}),
                         candidate({3, Access::kV4Near})};
  EXPECT_EQ(next(ways, 0), 2U);
  EXPECT_EQ(next(ways, 1), 2U);
  EXPECT_EQ(next(ways, 2), 2U);
}

TEST(Preference, finds_nothing_among_nothing) { EXPECT_EQ(preferred({}, ours()), nullptr); }

TEST(Preference, a_round_trip_is_smoothed_with_those_of_late_alone) {
  const MonoTime start{std::chrono::hours(1)};
  Candidate c;
  c.on_answer(start, milliseconds(200));
  EXPECT_EQ(c.latency, milliseconds(200));
  c.on_answer(start + kHeartbeat, milliseconds(100));
  EXPECT_EQ(c.latency, milliseconds(175));
  c.on_answer(start + kHeartbeat + kLatencyMemory, milliseconds(10));
  EXPECT_EQ(c.latency, milliseconds(10));
}

}  // namespace
}  // namespace kernmesh::path
