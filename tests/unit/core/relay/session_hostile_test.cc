// SPDX-License-Identifier: Apache-2.0
// What is thrown at a relay's sessions: forged and replayed requests, forbidden addresses, floods.
#include <gtest/gtest.h>

#include "controller/core/relay/session_table.h"
#include "tests/unit/core/relay/relay_world.h"

namespace kernmesh::relay {
namespace {

using std::chrono::seconds;

TEST(RelayR1, without_the_cookie_nothing_is_kept_and_the_answer_is_shorter) {
  World world;
  Peer a(world, 1, kA);
  const auto request = a.request(Bind{a.ticket});  // cookie of zeros
  const auto sent = world.deliver(a.at, request);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].bytes.size(), kChallengeBytes);
  EXPECT_EQ(world.table.client_count(), 0U);
}

TEST(RelayR1, a_cookie_serves_only_the_address_and_the_key_that_asked) {
  World world;
  Peer a(world, 1, kA), other(world, 2, kB);
  a.fetch_cookie();
  other.cookie = a.cookie;
  EXPECT_TRUE(other.send(other.request(Bind{other.ticket})).empty());
  a.at = origin("192.0.2.1:4001");
  EXPECT_TRUE(a.send(a.request(Bind{a.ticket})).empty());
  EXPECT_EQ(world.table.client_count(), 0U);
}

TEST(RelayR1, a_cookie_is_good_for_two_minutes_and_not_for_five) {
  World world;
  Peer a(world, 1, kA);
  a.fetch_cookie();
  world.pass(seconds(120));
  EXPECT_EQ(a.send(a.request(Bind{a.ticket})).size(), 1U);
  world.pass(seconds(180));
  EXPECT_TRUE(a.send(a.request(Refresh{})).empty());
}

TEST(RelayR1, every_answer_to_a_source_is_no_longer_than_its_request) {
  World world;  // deliver() checks every single one
  Peer a(world, 1, kA), b(world, 2, kB);
  for (Peer* peer : {&a, &b}) peer->bind();
  a.open(b);
  b.open(a);
  for (Peer* peer : {&a, &b}) {
    peer->send(peer->request(Refresh{}));
    peer->send(peer->request(Open{disco_public_key(filled<32>(70))}));
    peer->send(peer->request(Close{b.key}));
  }
  EXPECT_GE(world.table.counts().challenges, 2U);
}

TEST(RelayR2, a_replayed_request_moves_nothing) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  pair_up(a, b);
  const auto close = a.request(Close{b.key});
  a.send(close);
  a.open(b);
  const auto channels = world.channels;
  EXPECT_TRUE(a.send(close).empty());
  EXPECT_EQ(world.channels, channels);
  EXPECT_EQ(world.table.counts().replayed, 1U);
}

TEST(RelayR2, a_captured_bind_does_not_move_the_client_to_who_captured_it) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  pair_up(a, b);
  const auto channels = world.channels;
  Bytes captured = a.request(Bind{a.ticket});  // never reaches the relay from a
  const Origin thief = origin("192.0.2.66:6666");
  for (const auto& out : world.deliver(thief, captured)) {  // a challenge, for the thief's address
    ASSERT_EQ(out.bytes.size(), kChallengeBytes);
    std::copy(out.bytes.begin() + 38, out.bytes.end(), captured.begin() + 38);
  }
  EXPECT_TRUE(world.deliver(thief, captured).empty());
  EXPECT_EQ(world.channels, channels);
  EXPECT_EQ(world.table.counts().not_authentic, 1U);
}

TEST(RelayR2, data_from_another_address_or_with_a_guessed_channel_goes_nowhere) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  bind_both(a, b);
  const auto channel = a.open(b).channel;
  b.open(a);
  const auto from_elsewhere = origin("192.0.2.1:4001");
  EXPECT_FALSE(world.table.on_data(from_elsewhere, wrap_data(channel, {}), world.now));
  const Channel guessed(channel.value() + 1);
  EXPECT_FALSE(world.table.on_data(a.at, wrap_data(guessed, {}), world.now));
  EXPECT_EQ(world.table.counts().no_channel, 2U);
}

TEST(RelayR3, forbidden_addresses_get_no_answer_at_all) {
  World world;
  for (const char* text : {"127.0.0.1:4000", "[::1]:4000", "169.254.169.254:80", "169.254.1.1:9",
                           "[fe80::1]:9", "224.0.0.1:9", "[ff02::1]:9", "198.51.100.1:3478",
                           "0.0.0.0:9", "0.1.2.3:9", "[::]:9", "255.255.255.255:9", "240.0.0.1:9",
                           "[fd00:ec2::254]:80", "[::ffff:10.0.0.1]:9", "192.0.2.1:0"}) {
    EXPECT_TRUE(
        world.deliver({Endpoint::parse(text).value(), {}, {}}, encode(Hello{DiscoPublicKey{}}))
            .empty())
        << text;
  }
  EXPECT_EQ(world.table.counts().forbidden, 16U);
}

TEST(RelayR3, loopback_is_served_only_when_a_setting_says_so) {
  SessionSettings settings;
  settings.forbidden.loopback = Forbidden::Loopback::kAllowed;
  World world(settings);
  Peer a(world, 1, "127.0.0.1:4000");
  EXPECT_EQ(a.bind().observed, a.at.client);
}

TEST(RelayR3, private_addresses_are_served_unless_a_setting_says_otherwise) {
  SessionSettings strict;
  strict.forbidden.private_ones = Forbidden::Private::kForbidden;
  World inside, outside(strict);
  for (const char* text :
       {"10.0.0.1:1", "10.255.255.255:1", "172.16.0.1:1", "172.31.255.255:1", "192.168.0.1:1",
        "192.168.255.255:1", "100.64.0.1:1", "100.127.255.255:1", "[fc00::1]:1", "[fdff::1]:1"}) {
    const auto hello = encode(Hello{DiscoPublicKey{}});
    EXPECT_EQ(inside.deliver(origin(text), hello).size(), 1U) << text;
    EXPECT_TRUE(outside.deliver(origin(text), hello).empty()) << text;
  }
  for (const char* text : {"9.255.255.255:1", "11.0.0.1:1", "172.15.255.255:1", "172.32.0.1:1",
                           "192.167.255.255:1", "192.169.0.1:1", "100.63.255.255:1",
                           "100.128.0.1:1", "[fbff::1]:1", "[fe00::1]:1", "[2001:db8::1]:1"}) {
    EXPECT_EQ(outside.deliver(origin(text), encode(Hello{DiscoPublicKey{}})).size(), 1U) << text;
  }
}

TEST(RelayR3, addresses_around_the_forbidden_ones_are_served) {
  World world;
  for (const char* text : {"126.255.255.255:1", "128.0.0.1:1", "169.253.1.1:1", "169.255.0.1:1",
                           "223.255.255.255:1", "1.0.0.1:1", "10.0.0.1:1", "[fd00::1]:1"}) {
    EXPECT_EQ(world.deliver(origin(text), encode(Hello{DiscoPublicKey{}})).size(), 1U) << text;
  }
}

TEST(RelayR4, a_client_has_no_more_pairs_than_its_ticket_says) {
  World world;
  Peer greedy(world, 1, kA, 3), b(world, 2, kB);
  greedy.bind();
  b.bind();
  for (std::uint8_t i = 10; i < 13; ++i)
    EXPECT_EQ(greedy.refused(Open{disco_public_key(filled<32>(i))}), Reason::kNoSuchPeer);
  EXPECT_EQ(greedy.refused(Open{b.key}), Reason::kTooManyPairs);
  EXPECT_EQ(b.refused(Open{disco_public_key(filled<32>(10))}), Reason::kNoSuchPeer);
  greedy.send(greedy.request(Close{disco_public_key(filled<32>(10))}));
  EXPECT_EQ(greedy.open(b).state, PairState::kWaits);
}

TEST(RelayR4, full_tables_refuse_newcomers_and_leave_the_others_alone) {
  SessionSettings settings;
  settings.limits.clients = 2;
  settings.limits.wishes = 2;
  World world(settings);
  Peer a(world, 1, kA), b(world, 2, kB), late(world, 3, "192.0.2.3:1");
  bind_both(a, b);
  late.fetch_cookie();
  EXPECT_EQ(late.refused(Bind{late.ticket}), Reason::kFull);
  a.open(b);
  b.open(a);
  EXPECT_EQ(a.refused(Open{late.key}), Reason::kFull);
  EXPECT_EQ(world.channels.size(), 2U);
  EXPECT_EQ(a.ask<Bound>(Refresh{}).observed, a.at.client);
}

TEST(RelayR4, a_flood_from_one_source_does_not_stop_another) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  int answered = 0;
  for (int i = 0; i < 10'000; ++i)
    answered += static_cast<int>(world.deliver(a.at, encode(Hello{a.key})).size());
  EXPECT_EQ(answered, 40);  // the burst
  EXPECT_EQ(world.table.counts().over_quota, 9'960U);
  b.bind();
  EXPECT_EQ(world.table.client_count(), 1U);
}

TEST(RelayR4, a_flood_of_requests_from_a_proven_source_is_held_back) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  a.bind();
  std::size_t answered = 0;
  for (int i = 0; i < 1'000; ++i) answered += a.send(a.request(Refresh{})).size();
  EXPECT_EQ(answered, 200U);  // the burst
  b.bind();
  EXPECT_EQ(world.table.client_count(), 2U);
}

TEST(RelayR4, a_flood_of_forged_sources_does_not_end_what_is_bound) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  pair_up(a, b);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const Origin forged{{IpAddress::from_v4_number(0x0b000000 + i * 977), Port(1)}, {}, {}};
    (void)world.table.on_control(forged, encode(Hello{a.key}), world.now);
  }
  EXPECT_EQ(world.channels.size(), 2U);
  EXPECT_EQ(a.ask<Bound>(Refresh{}).observed, a.at.client);
}

TEST(RelayR4, whoever_binds_hears_of_a_bounded_number_that_wait) {
  World world;
  Peer popular(world, 250, kB);
  for (int i = 0; i < 60; ++i) {
    Peer one(world, static_cast<std::uint8_t>(i + 1), "10.0." + std::to_string(i) + ".1:1");
    one.bind();
    one.send(one.request(Open{popular.key}));
  }
  popular.fetch_cookie();
  EXPECT_EQ(popular.send(popular.request(Bind{popular.ticket})).size(), 33U);
}

}  // namespace
}  // namespace kernmesh::relay
