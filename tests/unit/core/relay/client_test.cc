// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/client.h"

#include "tests/unit/core/relay/client_network.h"

namespace kernmesh::relay {
namespace {

class RelayClients : public ::testing::Test {
 protected:
  void meet() {
    net_.add(1);
    net_.add(2);
    net_.run(seconds(1));
    net_.guest(1).client.open(net_.now(), net_.guest(2).key);
    net_.guest(2).client.open(net_.now(), net_.guest(1).key);
    net_.run(seconds(1));
  }
  bool carries() { return net_.carries(1, 2) && net_.carries(2, 1); }
  ClientNetwork net_;
};

TEST_F(RelayClients, bind_in_two_round_trips_and_learn_how_they_look_from_outside) {
  Guest& guest = net_.add(1);
  net_.run(milliseconds(100));
  EXPECT_EQ(guest.client.state(), ClientState::kBound);
  EXPECT_EQ(guest.observed, guest.at);
  EXPECT_EQ(guest.sent, 2);
}

TEST_F(RelayClients, get_a_channel_once_both_have_opened) {
  net_.add(1);
  net_.add(2);
  net_.run(seconds(1));
  net_.guest(1).client.open(net_.now(), net_.guest(2).key);
  net_.run(milliseconds(200));
  EXPECT_FALSE(net_.guest(1).channel_to(net_.guest(2)));
  EXPECT_EQ(net_.guest(2).asked_by, std::vector{net_.guest(1).key});
  net_.guest(2).client.open(net_.now(), net_.guest(1).key);
  net_.run(milliseconds(200));
  EXPECT_TRUE(carries());
}

TEST_F(RelayClients, a_peer_that_comes_later_is_met_then) {
  net_.add(1);
  net_.run(seconds(1));
  net_.guest(1).client.open(net_.now(), disco_public_key(filled<32>(2)));
  net_.run(seconds(5));
  net_.add(2);
  net_.guest(2).client.open(net_.now(), net_.guest(1).key);
  net_.run(seconds(1));
  EXPECT_TRUE(carries());
}

TEST_F(RelayClients, stay_bound_for_as_long_as_they_like_at_little_cost) {
  meet();
  const int sent = net_.guest(1).sent;
  net_.run(std::chrono::minutes(10));
  EXPECT_TRUE(carries());
  EXPECT_EQ(net_.guest(1).losses, 0);
  EXPECT_LE(net_.guest(1).sent - sent, 10 * 60 / 20 + 10) << "and a cookie each few minutes";
}

TEST_F(RelayClients, keep_their_pairs_when_they_move) {
  meet();
  net_.guest(1).at = Endpoint::parse("192.0.2.77:9999").value();
  net_.guest(1).client.on_moved(net_.now());
  net_.run(milliseconds(300));
  EXPECT_TRUE(carries());
  EXPECT_EQ(net_.guest(1).losses, 0);
  EXPECT_EQ(net_.guest(1).observed, net_.guest(1).at);
}

TEST_F(RelayClients, keep_their_pairs_and_channels_when_the_relay_is_reached_another_way) {
  meet();
  const Endpoint before = net_.relay_at, after = Endpoint::parse("198.51.100.1:443").value();
  const auto channel = net_.guest(1).channel_to(net_.guest(2));
  net_.relay_at = after;
  net_.guest(1).client.move_to(net_.now(), {after});
  const auto& way = net_.guest(1).up.at(net_.guest(2).key);
  EXPECT_EQ(way.endpoint, before) << "until it is bound there";
  net_.run(milliseconds(300));
  EXPECT_TRUE(carries());
  EXPECT_EQ(way.endpoint, after);
  EXPECT_EQ(way.channel, channel);
  EXPECT_EQ(net_.guest(1).downs, 0);
  EXPECT_EQ(net_.guest(1).losses, 0);
}

TEST_F(RelayClients, lose_their_pairs_when_the_new_way_leads_nowhere) {
  meet();
  net_.guest(1).client.move_to(net_.now(), {Endpoint::parse("198.51.100.1:443").value()});
  net_.relay_is_dead = true;
  net_.run(seconds(20));
  EXPECT_TRUE(net_.guest(1).up.empty());
  EXPECT_GE(net_.guest(1).losses, 1);
}

TEST_F(RelayClients, a_nat_that_rebinds_in_silence_is_noticed_at_the_next_refresh) {
  meet();
  net_.guest(1).at = Endpoint::parse("192.0.2.77:9999").value();
  net_.run(seconds(30));
  EXPECT_TRUE(carries());
  EXPECT_EQ(net_.guest(1).losses, 0);
}

TEST_F(RelayClients, r6_notice_a_dead_relay_within_seconds_of_a_doubt_and_come_back_to_it) {
  meet();
  net_.relay_is_dead = true;
  net_.guest(1).client.on_doubt(net_.now(), Channel(1));
  net_.run(seconds(2));
  EXPECT_EQ(net_.guest(1).doubts, 1);
  EXPECT_EQ(net_.guest(1).losses, 0);
  net_.run(seconds(4));
  EXPECT_EQ(net_.guest(1).losses, 1);
  EXPECT_TRUE(net_.guest(1).up.empty());
  net_.run(std::chrono::minutes(5));
  const int sent = net_.guest(1).sent;
  net_.run(std::chrono::minutes(5));
  EXPECT_LE(net_.guest(1).sent - sent, 5 * 60 / 22 * kMostTries) << "it backs off";
  net_.relay_is_dead = false;
  net_.run(std::chrono::minutes(1));
  EXPECT_TRUE(carries());
}

TEST_F(RelayClients, r6_a_relay_that_lost_its_memory_is_told_everything_again) {
  meet();
  net_.restart_relay();
  net_.world.channels.clear();
  net_.guest(1).client.on_doubt(net_.now(), Channel(1));
  net_.guest(2).client.on_doubt(net_.now(), Channel(1));
  net_.run(seconds(2));
  EXPECT_TRUE(carries());
}

TEST_F(RelayClients, bind_and_meet_though_a_third_of_everything_is_lost) {
  net_.loss = 0.3;
  meet();
  net_.run(seconds(8));
  int good = 0;
  for (int i = 0; i < 120; ++i) {
    net_.run(seconds(5));
    if (carries()) ++good;
  }
  EXPECT_GE(good, 110);
}

TEST_F(RelayClients, show_a_new_ticket_before_the_old_one_ends) {
  Guest& guest = net_.add(1, seconds(60));
  net_.run(seconds(10));
  ASSERT_EQ(guest.client.state(), ClientState::kBound);
  const auto ends = std::chrono::floor<seconds>(net_.world.now.wall) + std::chrono::hours(1);
  guest.client.set_ticket(net_.now(), ticket_for(guest.key, 1, ends));
  net_.run(std::chrono::minutes(5));
  EXPECT_EQ(guest.client.state(), ClientState::kBound);
  EXPECT_EQ(guest.losses, 0);
}

TEST_F(RelayClients, an_expired_ticket_is_reported_and_a_new_one_tried_at_once) {
  Guest& guest = net_.add(1, seconds(-5));
  net_.run(seconds(5));
  EXPECT_EQ(guest.refused_tickets, 1) << "no hammering";
  EXPECT_EQ(guest.client.state(), ClientState::kAway);
  const auto ends = std::chrono::floor<seconds>(net_.world.now.wall) + std::chrono::hours(1);
  guest.client.set_ticket(net_.now(), ticket_for(guest.key, 1, ends));
  net_.run(seconds(1));
  EXPECT_EQ(guest.client.state(), ClientState::kBound);
}

TEST_F(RelayClients, hear_that_a_relay_drains_and_keep_what_is_open) {
  meet();
  net_.send_all(net_.world.apply(net_.world.table.drain(seconds(60), net_.world.now)));
  net_.run(seconds(1));
  ASSERT_TRUE(net_.guest(1).drains_by);
  EXPECT_GT(*net_.guest(1).drains_by, net_.now() + seconds(50));
  EXPECT_TRUE(carries());
}

TEST_F(RelayClients, a_closed_pair_is_down_on_both_sides) {
  meet();
  net_.guest(1).client.close(net_.now(), net_.guest(2).key);
  net_.run(seconds(1));
  EXPECT_TRUE(net_.guest(1).up.empty());
  EXPECT_TRUE(net_.guest(2).up.empty());
  EXPECT_TRUE(net_.guest(1).client.is_idle());
}

// Its own relay keeps it bound, so the half that is left would last for as long as that.
TEST_F(RelayClients, a_pair_whose_closing_was_lost_is_asked_for_when_the_peer_doubts_it) {
  meet();
  const double loss = std::exchange(net_.loss, 1.0);
  net_.guest(1).client.close(net_.now(), net_.guest(2).key);
  net_.run(seconds(8));  // until it has given up
  net_.loss = loss;
  ASSERT_TRUE(net_.guest(1).client.is_idle());
  ASSERT_EQ(net_.guest(1).client.state(), ClientState::kBound);
  net_.guest(1).asked_by.clear();
  const auto channel = net_.guest(2).channel_to(net_.guest(1));
  ASSERT_TRUE(channel) << "which knows nothing of it";
  net_.guest(2).client.on_doubt(net_.now(), *channel);
  net_.run(seconds(1));
  EXPECT_EQ(net_.guest(1).asked_by, std::vector{net_.guest(2).key});
  net_.guest(1).client.open(net_.now(), net_.guest(2).key);
  net_.run(seconds(1));
  EXPECT_TRUE(carries());
}

// Before it would ask again by itself.
TEST_F(RelayClients, a_pair_of_which_the_word_was_lost_is_heard_of_when_the_peer_doubts_it) {
  net_.add(1);
  net_.add(2);
  net_.run(seconds(1));
  net_.guest(1).client.open(net_.now(), net_.guest(2).key);
  net_.run(milliseconds(2500));  // it asks every four seconds now
  net_.guest(2).client.open(net_.now(), net_.guest(1).key);
  net_.lost_to = 1;
  net_.run(milliseconds(1200));
  net_.lost_to.reset();
  ASSERT_FALSE(net_.guest(1).channel_to(net_.guest(2)));
  net_.guest(2).client.on_doubt(net_.now(), *net_.guest(2).channel_to(net_.guest(1)));
  net_.run(milliseconds(100));
  EXPECT_TRUE(carries());
}

TEST_F(RelayClients, a_pair_that_the_peer_left_in_silence_is_found_out_by_a_doubt) {
  meet();
  const auto held = *net_.guest(1).channel_to(net_.guest(2));
  const double loss = std::exchange(net_.loss, 1.0);
  net_.guest(2).client.close(net_.now(), net_.guest(1).key);
  net_.run(seconds(0));
  net_.loss = loss;
  net_.guest(2).client.leave();
  net_.world.pass(std::chrono::minutes(2));
  net_.send_all({});
  (void)net_.world.apply(net_.world.table.expire(net_.world.now));  // nobody hears of it
  net_.guest(1).client.on_moved(net_.now());
  net_.guest(1).client.tick(net_.now());
  net_.run(seconds(1));
  net_.guest(1).client.on_doubt(net_.now(), held);
  net_.run(seconds(1));
  EXPECT_FALSE(net_.guest(1).channel_to(net_.guest(2)));
}

TEST_F(RelayClients, r8_forged_replayed_and_misplaced_datagrams_change_nothing) {
  meet();
  Guest& guest = net_.guest(1);
  const auto relay = guest.client.endpoint();
  const auto shared = *shared_key(guest.key, kRelaySecret);
  path::RandomStream random(filled<32>(77));
  const auto closed =
      seal(Answer{1, Sequence(), Closed{net_.guest(2).key}}, guest.key, shared, random);
  EXPECT_EQ(guest.client.on_datagram(net_.now(), closed, relay), Reception::kUnmatched)
      << "an old stamp";
  const auto forged =
      seal(Answer{~0ULL, Sequence(), Closed{net_.guest(2).key}}, guest.key, SharedKey{}, random);
  EXPECT_EQ(guest.client.on_datagram(net_.now(), forged, relay), Reception::kMalformed);
  EXPECT_EQ(guest.client.on_datagram(net_.now(), closed, net_.guest(2).at), Reception::kElsewhere);
  EXPECT_EQ(guest.client.on_datagram(net_.now(), encode(Challenge{guest.key, {}}), relay),
            Reception::kUnmatched)
      << "nothing was asked";
  for (std::size_t length = 0; length < closed.size(); ++length)
    (void)guest.client.on_datagram(net_.now(), std::span(closed).first(length), relay);
  net_.collect(guest);
  EXPECT_TRUE(carries());
}

}  // namespace
}  // namespace kernmesh::relay
