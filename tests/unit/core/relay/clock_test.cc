// SPDX-License-Identifier: Apache-2.0
// Clocks that jump: a client's, from which its requests are numbered, and the relay's, from which
// its answers are stamped and by which it judges tickets.
#include <gtest/gtest.h>

#include "tests/unit/core/relay/client_network.h"

namespace kernmesh::relay {
namespace {

using std::chrono::hours;

constexpr auto kDay = hours(24);
constexpr auto kTenYears = 3650 * kDay;

class RelayClocks : public ::testing::Test {
 protected:
  void meet() {
    for (const std::uint8_t number : {1, 2}) net_.add(number, 2 * kTenYears);
    net_.run(seconds(1));
    open_each_other();
  }
  void open_each_other() {
    net_.guest(1).client.open(net_.now(), net_.guest(2).key);
    net_.guest(2).client.open(net_.now(), net_.guest(1).key);
    net_.run(seconds(1));
  }
  bool carries() { return net_.carries(1, 2) && net_.carries(2, 1); }
  // The agent of the first begins anew, with its clock where it says.
  void restart_client(std::uint64_t clock_us) {
    Guest& guest = net_.guest(1);
    guest.up.clear();
    guest.client = RelayClient({filled<32>(1), filled<32>(88), Sequence(clock_us)},
                               {relay_public_key(kRelaySecret), {net_.relay_at}});
    const auto wall = std::chrono::floor<seconds>(net_.world.now.wall);
    guest.client.set_ticket(net_.now(), ticket_for(guest.key, 1, wall + 2 * kTenYears));
    guest.client.bind(net_.now());
    guest.client.open(net_.now(), net_.guest(2).key);
  }
  ClientNetwork net_;
};

TEST_F(RelayClocks, a_client_restarted_with_its_clock_set_back_is_bound_at_once) {
  meet();
  ASSERT_TRUE(carries());
  restart_client(1);
  net_.run(seconds(1));
  EXPECT_EQ(net_.guest(1).client.state(), ClientState::kBound);
  EXPECT_TRUE(carries());
  net_.run(std::chrono::minutes(5));
  EXPECT_TRUE(carries()) << "and stays so";
  EXPECT_EQ(net_.guest(1).losses, 0);
}

TEST_F(RelayClocks,
       a_client_restarted_with_its_clock_set_forward_and_back_again_is_bound_each_time) {
  meet();
  const auto forward = static_cast<std::uint64_t>(std::chrono::microseconds(kTenYears).count());
  for (const std::uint64_t clock : {forward, std::uint64_t{5}, forward + 7, std::uint64_t{3}}) {
    restart_client(clock);
    net_.run(seconds(1));
    EXPECT_TRUE(carries()) << clock;
  }
}

TEST_F(RelayClocks, a_relay_whose_clock_jumps_keeps_everybody_while_tickets_last) {
  meet();
  for (const auto jump : {kDay, -2 * kDay, kTenYears, -2 * kTenYears}) {
    net_.world.now.wall += jump;
    net_.run(std::chrono::minutes(3));
    EXPECT_TRUE(carries()) << jump.count() << " h";
    EXPECT_EQ(net_.guest(1).losses, 0);
  }
}

TEST_F(RelayClocks, tickets_that_the_relays_clock_runs_past_are_refused_until_it_is_right_again) {
  net_.add(1, kDay);
  net_.add(2, kDay);
  net_.run(seconds(1));
  open_each_other();
  ASSERT_TRUE(carries());
  net_.world.now.wall += kTenYears;
  net_.run(std::chrono::minutes(3));
  EXPECT_FALSE(carries());
  EXPECT_GE(net_.guest(1).refused_tickets, 1);
  EXPECT_EQ(net_.world.table.client_count(), 0U);
  net_.world.now.wall -= kTenYears;
  net_.run(std::chrono::minutes(1));
  EXPECT_TRUE(carries());
}

TEST_F(RelayClocks, a_relay_that_lost_its_memory_and_whose_clock_was_set_back_pairs_again) {
  meet();
  net_.world.now.wall -= kTenYears;
  net_.restart_relay();
  net_.world.channels.clear();
  net_.guest(1).client.on_doubt(net_.now(), Channel(1));
  net_.guest(2).client.on_doubt(net_.now(), Channel(1));
  net_.run(seconds(25));  // its words that nobody asked for look old; pairs are asked for again
  EXPECT_TRUE(carries());
}

// What a client that begins anew below its last number must not bring with it.
class RelayR2Clock : public ::testing::Test {
 protected:
  RelayR2Clock() : a_(world_, 1, kA), b_(world_, 2, kB) {
    a_.sequence = 1000;
    pair_up(a_, b_);
    old_close_ = a_.request(Close{b_.key});  // captured, and kept from the relay
    old_bind_ = a_.request(Bind{a_.ticket});
  }
  // What the relay has to say to a bind that is too low; the cookie is the client's from then on.
  bool take_challenge(const Bytes& request) {
    for (const auto& out : world_.deliver(a_.at, request)) {
      const auto parsed = parse_datagram(out.bytes);
      const auto* datagram = std::get_if<Datagram>(&parsed);
      const auto* challenge = datagram ? std::get_if<Challenge>(datagram) : nullptr;
      if (challenge == nullptr) return false;
      a_.cookie = challenge->cookie;
      return true;
    }
    return false;
  }
  void begin_anew() {
    a_.sequence = 10;
    a_.fetch_cookie();
    ASSERT_TRUE(take_challenge(a_.request(Bind{a_.ticket})));
    const auto answers = a_.send(a_.request(Bind{a_.ticket}));
    ASSERT_EQ(answers.size(), 1U);
    ASSERT_TRUE(std::holds_alternative<Bound>(answers[0].word));
  }
  World world_;
  Peer a_, b_;
  Bytes old_close_, old_bind_;
};

TEST_F(RelayR2Clock, a_low_bind_alone_changes_nothing) {
  a_.send(a_.request(Refresh{}));
  const auto channels = world_.channels;
  a_.sequence = 10;
  const auto low = a_.request(Bind{a_.ticket});
  EXPECT_TRUE(take_challenge(low));
  EXPECT_TRUE(take_challenge(low)) << "as often as it is sent";
  EXPECT_EQ(world_.channels, channels);
  EXPECT_EQ(world_.table.counts().binds, 2U);
  EXPECT_EQ(world_.table.counts().replayed, 2U);
}

TEST_F(RelayR2Clock, a_captured_bind_does_not_put_the_number_back) {
  ASSERT_TRUE(std::holds_alternative<Bound>(a_.send(old_bind_).at(0).word));
  a_.ask<Bound>(Refresh{});
  EXPECT_TRUE(a_.send(old_bind_).empty());
  EXPECT_TRUE(a_.send(old_close_).empty());
  EXPECT_EQ(world_.channels.size(), 2U);
}

TEST_F(RelayR2Clock, requests_from_before_are_dead_afterwards_however_high_their_number) {
  begin_anew();
  EXPECT_EQ(world_.channels.size(), 2U);
  for (const auto& captured : {old_close_, old_bind_}) EXPECT_TRUE(a_.send(captured).empty());
  EXPECT_EQ(world_.channels.size(), 2U);
  EXPECT_EQ(a_.ask<Bound>(Refresh{}).observed, a_.at.client);
}

TEST_F(RelayR2Clock, the_bind_that_put_the_number_back_does_so_once) {
  begin_anew();
  const auto captured = a_.last_request;
  a_.ask<Bound>(Refresh{});
  const auto close = a_.request(Close{b_.key});
  a_.send(close);
  a_.open(b_);
  EXPECT_TRUE(a_.send(captured).empty());
  EXPECT_TRUE(a_.send(close).empty());
  EXPECT_EQ(world_.channels.size(), 2U);
}

TEST_F(RelayR2Clock, other_requests_below_the_number_are_dropped_without_a_word) {
  const auto challenges = world_.table.counts().challenges;
  a_.sequence = 10;
  EXPECT_TRUE(world_.deliver(a_.at, a_.request(Close{b_.key})).empty());
  EXPECT_TRUE(world_.deliver(a_.at, a_.request(Refresh{})).empty());
  EXPECT_EQ(world_.table.counts().challenges, challenges);
}

}  // namespace
}  // namespace kernmesh::relay
