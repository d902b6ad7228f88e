// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/session_table.h"

#include "tests/unit/core/relay/relay_world.h"

namespace kernmesh::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RelaySession, bind_tells_the_lifetime_and_the_source_as_it_was_seen) {
  World world;
  Peer a(world, 1, kA);
  const auto bound = a.bind();
  EXPECT_EQ(bound.lifetime, seconds(90));
  EXPECT_EQ(bound.observed, a.at.client);
  EXPECT_EQ(world.table.client_count(), 1U);
}

TEST(RelaySession, a_pair_is_live_only_when_both_have_opened_it) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  bind_both(a, b);
  const auto waits = a.open(b);
  EXPECT_EQ(waits.state, PairState::kWaits);
  EXPECT_EQ(a.heard_by_others, 1);  // b is asked
  EXPECT_TRUE(world.channels.empty());
  const auto paired = b.open(a);
  EXPECT_EQ(paired.state, PairState::kPaired);
  EXPECT_EQ(b.heard_by_others, 1);  // a hears that it is paired
  EXPECT_NE(paired.channel, waits.channel);
  const std::map<std::pair<Origin, Channel>, Onward> expected{
      {{a.at, waits.channel}, {b.at, paired.channel}},
      {{b.at, paired.channel}, {a.at, waits.channel}}};
  EXPECT_EQ(world.channels, expected);
}

TEST(RelaySession, opening_again_gives_the_same_channel) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  bind_both(a, b);
  const auto first = a.open(b);
  EXPECT_EQ(a.open(b).channel, first.channel);
  b.open(a);
  const auto again = a.open(b);
  EXPECT_EQ(again.channel, first.channel);
  EXPECT_EQ(again.state, PairState::kPaired);
}

TEST(RelaySession, a_wish_for_an_absent_peer_is_kept_and_served_when_it_comes) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  a.bind();
  EXPECT_EQ(a.refused(Open{b.key}), Reason::kNoSuchPeer);
  b.fetch_cookie();
  const auto heard = b.send(b.request(Bind{b.ticket}));
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(std::get<Asked>(heard[1].word).peer, a.key);
  EXPECT_EQ(b.heard_by_others, 1);  // a: opened, waits
  EXPECT_EQ(b.open(a).state, PairState::kPaired);
}

TEST(RelaySession, a_client_that_moves_takes_its_pairs_along) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  bind_both(a, b);
  const auto channel_a = a.open(b).channel;
  const auto channel_b = b.open(a).channel;
  const auto before = a.at;
  a.at = origin("[2001:db8::1]:4001");
  a.bind();
  EXPECT_FALSE(world.channels.contains({before, channel_a}));
  EXPECT_EQ((world.channels[{a.at, channel_a}]), (Onward{b.at, channel_b}));
  EXPECT_EQ((world.channels[{b.at, channel_b}]), (Onward{a.at, channel_a}));
  EXPECT_EQ(world.channels.size(), 2U);
}

TEST(RelaySession, from_another_address_only_a_bind_is_served) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  bind_both(a, b);
  a.at = origin("192.0.2.1:4001");  // the NAT has forgotten the mapping
  a.fetch_cookie();
  EXPECT_EQ(a.refused(Refresh{}), Reason::kNotBound);
  EXPECT_EQ(a.refused(Open{b.key}), Reason::kNotBound);
  EXPECT_EQ(a.ask<Bound>(Bind{a.ticket}).observed, a.at.client);
}

TEST(RelaySession, close_ends_both_directions_and_tells_the_other) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  pair_up(a, b);
  EXPECT_EQ(a.ask<Closed>(Close{b.key}).peer, b.key);
  EXPECT_EQ(a.heard_by_others, 1);
  EXPECT_TRUE(world.channels.empty());
  EXPECT_EQ(a.open(b).state, PairState::kPaired);  // b's wish stands
}

TEST(RelaySession, a_binding_ends_after_its_lifetime_without_a_sign_of_life) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  pair_up(a, b);
  world.pass(milliseconds(89'999));
  world.apply(world.table.expire(world.now));
  EXPECT_EQ(world.table.client_count(), 2U);
  b.fetch_cookie();
  b.ask<Bound>(Refresh{});
  world.pass(milliseconds(1));
  world.apply(world.table.expire(world.now));
  EXPECT_EQ(world.table.client_count(), 1U);
  EXPECT_TRUE(world.channels.empty());
}

TEST(RelaySession, data_holds_a_binding_but_not_beyond_its_ticket) {
  World world;
  Peer a(world, 1, kA);
  a.bind();
  EXPECT_EQ(a.refused(Open{disco_public_key(filled<32>(9))}), Reason::kNoSuchPeer);
  const Channel channel = world.table.save()[0].wishes[0].second;
  for (int minute = 0; minute < 59; ++minute) {
    world.pass(std::chrono::minutes(1));
    world.table.on_use(channel, world.now.mono, world.now);
    world.apply(world.table.expire(world.now));
    ASSERT_EQ(world.table.client_count(), 1U) << minute;
  }
  world.pass(seconds(61));  // the ticket has expired
  for (int i = 0; i < 2; ++i) {
    world.pass(seconds(45));
    world.table.on_use(channel, world.now.mono, world.now);
  }
  world.apply(world.table.expire(world.now));
  EXPECT_EQ(world.table.client_count(), 0U);
}

TEST(RelaySession, userspace_forwards_what_the_kernel_handed_up) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB), c(world, 3, "192.0.2.77:1");
  bind_both(a, b);
  const auto channel_a = a.open(b).channel;
  const auto channel_b = b.open(a).channel;
  const Bytes message{4, 0, 0, 0, 1, 2, 3};
  const auto out = world.table.on_data(a.at, wrap_data(channel_a, message), world.now);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->to, b.at);
  EXPECT_EQ(out->bytes, wrap_data(channel_b, message));
  EXPECT_FALSE(world.table.on_data(c.at, wrap_data(channel_a, message), world.now));
  EXPECT_FALSE(world.table.on_data(a.at, wrap_data(channel_b, message), world.now));
}

TEST(RelaySession, tickets_are_refused_with_their_reason) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  a.fetch_cookie();
  auto broken = a.ticket;
  broken.back() ^= 1;
  EXPECT_EQ(a.refused(Bind{broken}), Reason::kTicketNotAuthentic);
  EXPECT_EQ(a.refused(Bind{b.ticket}), Reason::kOthersTicket);
  world.pass(std::chrono::hours(2));
  a.fetch_cookie();
  EXPECT_EQ(a.refused(Bind{a.ticket}), Reason::kTicketExpired);
  EXPECT_EQ(world.table.client_count(), 0U);
}

TEST(RelaySession, clients_of_two_networks_never_pair) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB, 8, kOtherServer);
  bind_both(a, b);
  EXPECT_EQ(a.refused(Open{b.key}), Reason::kNoSuchPeer);
  EXPECT_EQ(b.refused(Open{a.key}), Reason::kNoSuchPeer);
  EXPECT_TRUE(world.channels.empty());
}

TEST(RelaySession, a_node_with_a_new_disco_key_takes_its_old_ones_place) {
  World world;
  Peer a(world, 1, kA), fresh(world, 9, kB);
  a.bind();
  const auto ends = std::chrono::floor<seconds>(world.now.wall) + std::chrono::hours(1);
  fresh.ticket =
      sign_ticket({network_id(ticket_public_key(kServer)), NodeId(1), fresh.key, ends, 8}, kServer);
  fresh.bind();
  EXPECT_EQ(world.table.client_count(), 1U);
  EXPECT_EQ(a.refused(Refresh{}), Reason::kNotBound);
}

TEST(RelaySession, draining_tells_everybody_and_lets_nobody_in) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  a.bind();
  const auto sent = world.apply(world.table.drain(seconds(30), world.now));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(std::get<Draining>(a.read(sent[0])->word).left, seconds(30));
  b.fetch_cookie();
  EXPECT_EQ(b.refused(Bind{b.ticket}), Reason::kDraining);
  EXPECT_EQ(a.refused(Open{b.key}), Reason::kDraining);
  a.ask<Bound>(Refresh{});  // what there is goes on
}

TEST(RelaySession, stamps_rise_with_every_answer_also_when_the_clock_stands) {
  World world;
  Peer a(world, 1, kA);
  a.bind();
  std::uint64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    const auto answers = a.send(a.request(Refresh{}));
    ASSERT_EQ(answers.size(), 1U);
    EXPECT_GT(answers[0].stamp, last);
    last = answers[0].stamp;
  }
}

TEST(RelaySession, a_later_run_goes_on_with_what_was_saved) {
  World world, later;
  Peer a(world, 1, kA), b(world, 2, kB);
  pair_up(a, b);
  later.apply(later.table.restore(world.table.save(), later.now));
  EXPECT_EQ(later.channels, world.channels);
  EXPECT_EQ(later.table.client_count(), 2U);
  EXPECT_EQ(later.table.save().size(), 2U);
}

TEST(RelaySession, what_is_still_in_a_connection_is_forwarded_after_its_client_has_moved_to_udp) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  const Origin by_udp = a.at;
  a.at.stream = StreamId(5);
  bind_both(a, b);
  const Channel channel = a.open(b).channel;
  b.open(a);
  const Origin by_stream = a.at;
  a.at = by_udp;
  a.bind();
  const Bytes packet = wrap_data(channel, Bytes(40, 4));
  EXPECT_TRUE(world.table.on_data(by_udp, packet, world.now));
  EXPECT_TRUE(world.table.on_data(by_stream, packet, world.now));
  Origin other = by_stream;
  other.stream = StreamId(6);
  EXPECT_FALSE(world.table.on_data(other, packet, world.now)) << "another connection";
  other = by_udp;
  other.client.port = Port(9);
  EXPECT_FALSE(world.table.on_data(other, packet, world.now)) << "another address";
  world.table.on_stream_closed(StreamId(5), world.now);
  EXPECT_TRUE(world.table.on_data(by_udp, packet, world.now)) << "its end is not the client's";
}

TEST(RelaySession, it_says_which_connection_has_a_bound_client) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  a.at.stream = StreamId(5);
  const auto told = [&](const Peer& peer, const Bytes& datagram) {
    return world.table.on_control(peer.at, datagram, world.now).bound;
  };
  a.fetch_cookie();
  b.fetch_cookie();
  EXPECT_EQ(told(a, encode(Hello{a.key})), std::nullopt);
  EXPECT_EQ(told(a, a.request(Bind{b.ticket})), std::nullopt) << "another's ticket";
  EXPECT_EQ(told(a, a.request(Bind{a.ticket})), StreamId(5));
  EXPECT_EQ(told(b, b.request(Bind{b.ticket})), std::nullopt) << "on UDP there is none";
}

TEST(RelaySession, it_says_which_connection_has_no_bound_client_any_more) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  const auto bind_by = [&](Peer& peer, std::uint64_t stream) {
    peer.at.stream = StreamId(stream);
    peer.fetch_cookie();
    return world.table.on_control(peer.at, peer.request(Bind{peer.ticket}), world.now);
  };
  using Left = std::vector<StreamId>;
  EXPECT_EQ(bind_by(a, 5).left, Left{});
  EXPECT_EQ(bind_by(a, 5).left, Left{}) << "again by the same";
  EXPECT_EQ(bind_by(b, 5).left, Left{});
  EXPECT_EQ(bind_by(a, 6).left, Left{}) << "the other one is still there";
  EXPECT_EQ(bind_by(a, 7).left, Left{StreamId(6)});
  EXPECT_EQ(bind_by(b, 0).left, Left{StreamId(5)}) << "to UDP";
  world.pass(std::chrono::seconds(90));
  EXPECT_EQ(world.table.expire(world.now).left, Left{StreamId(7)}) << "dropped";
}

TEST(RelaySession, a_connection_by_which_a_node_s_new_key_binds_is_bound) {
  World world;
  Peer a(world, 1, kA), renewed(world, 2, kA);
  const auto ends =
      std::chrono::floor<std::chrono::seconds>(world.now.wall) + std::chrono::hours(1);
  renewed.ticket = sign_ticket(
      {network_id(ticket_public_key(kServer)), NodeId(1), renewed.key, ends, 8}, kServer);
  for (Peer* peer : {&a, &renewed}) {
    peer->at.stream = StreamId(5);
    peer->fetch_cookie();
  }
  world.table.on_control(a.at, a.request(Bind{a.ticket}), world.now);
  const auto commands =
      world.table.on_control(a.at, renewed.request(Bind{renewed.ticket}), world.now);
  EXPECT_EQ(commands.bound, StreamId(5));
  EXPECT_EQ(world.table.client_count(), 1U);
  const auto moved = [&] {
    renewed.at.stream = StreamId(6);
    renewed.fetch_cookie();
    return world.table.on_control(renewed.at, renewed.request(Bind{renewed.ticket}), world.now);
  };
  EXPECT_EQ(moved().left, std::vector{StreamId(5)});
}

TEST(RelaySession, what_ends_with_a_connection_is_dropped_with_it) {
  World world;
  Peer a(world, 1, kA), b(world, 2, kB);
  a.at.stream = StreamId(5);
  pair_up(a, b);
  EXPECT_EQ(world.channels.size(), 2U);
  EXPECT_EQ(world.table.save().size(), 1U);
  const auto sent = world.apply(world.table.on_stream_closed(StreamId(5), world.now));
  EXPECT_TRUE(world.channels.empty());
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(std::get<Closed>(b.read(sent[0])->word).peer, a.key);
}

}  // namespace
}  // namespace kernmesh::relay
