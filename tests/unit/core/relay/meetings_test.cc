// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/meetings.h"

#include "tests/unit/core/relay/client_network.h"

namespace kernmesh::relay {
namespace {

const Endpoint kByUdp = Endpoint::parse("198.51.100.1:3478").value();
const Endpoint kByTls = Endpoint::parse("198.51.100.1:443").value();

// A node at one relay, where a peer is that has opened it. Over TLS it comes by a connection.
class RelayMeetings : public testing::Test {
 protected:
  RelayMeetings() : peer_(world_, 2, kB), meetings_({filled<32>(1), filled<32>(9), Sequence(1)}) {
    const auto wall = std::chrono::floor<seconds>(world_.now.wall);
    meetings_.set_ticket(now(), ticket_for(key_, 1, wall + std::chrono::hours(9)));
    reach_by(kByUdp);
    meetings_.set_home(now(), RelayId(1));
    peer_.bind();
    peer_.send(peer_.request(Open{key_}));
    meetings_.upsert_peer(now(), {NodeId(2), peer_.key, RelayId(1)});
    meetings_.on_active(now(), NodeId(2));
    pump();
  }
  MonoTime now() const { return world_.now.mono; }
  void reach_by(const Endpoint& relay) {
    meetings_.set_relays(now(), {{RelayId(1), {relay_public_key(kRelaySecret), {relay}}}});
    take();
  }
  std::vector<ToRelay> take() {
    std::vector<ToRelay> sent;
    for (auto& command : meetings_.take_commands()) {
      if (auto* ways = std::get_if<SetRelayed>(&command)) relayed_ = std::move(*ways);
      if (auto* out = std::get_if<ToRelay>(&command)) sent.push_back(std::move(*out));
    }
    return sent;
  }
  // Until nobody has anything to say.
  void pump() {
    for (;;) {
      if (const auto due = meetings_.next_deadline(); due && *due <= now()) meetings_.tick(now());
      const auto sent = take();
      if (sent.empty()) return;
      for (const auto& out : sent) {
        Origin from = origin("203.0.113.1:4500");
        if (out.relay == kByTls) from.stream = StreamId(7);
        for (const auto& answer : world_.deliver(from, out.bytes))
          if (answer.to == from) meetings_.on_datagram(now(), answer.bytes, out.relay);
      }
    }
  }
  std::vector<path::Way> ways() const { return relayed_.ways; }
  std::vector<path::Way> leaving() const { return relayed_.leaving; }

  World world_;
  Peer peer_;
  const DiscoPublicKey key_ = disco_public_key(filled<32>(1));
  Meetings meetings_;
  SetRelayed relayed_;
};

TEST_F(RelayMeetings, relay_that_is_reached_another_way_is_heard_both_ways_until_that_carries) {
  ASSERT_EQ(ways().size(), 1U);
  const Channel channel = ways()[0].channel;
  const std::vector<path::Way> udp{{kByUdp, channel}}, tls{{kByTls, channel}};
  EXPECT_EQ(ways(), udp);
  reach_by(kByTls);
  EXPECT_EQ(ways(), udp) << "until it has bound this node over TLS";
  EXPECT_EQ(leaving(), tls) << "which its packets may come by at any moment";
  pump();
  EXPECT_EQ(ways(), tls);
  EXPECT_EQ(leaving(), udp) << "what is under way";
  world_.pass(std::chrono::duration_cast<milliseconds>(Meetings::kLeaving));
  pump();
  EXPECT_EQ(ways(), tls);
  EXPECT_TRUE(leaving().empty());
}

TEST_F(RelayMeetings, relay_is_found_again_the_way_of_before_after_a_wrong_turn) {
  const auto udp = ways();
  reach_by(kByTls);
  pump();
  reach_by(kByUdp);
  pump();
  EXPECT_EQ(ways(), udp);
}

TEST_F(RelayMeetings, relay_that_is_left_hears_of_it_and_knows_this_node_when_it_comes_back) {
  ASSERT_EQ(world_.table.pair_count(), 1U);
  meetings_.set_home(now(), std::nullopt);
  meetings_.remove_peer(now(), NodeId(2));
  pump();
  EXPECT_EQ(world_.table.pair_count(), 0U);
  EXPECT_EQ(world_.table.client_count(), 2U) << "its binding lasts for a while";
  world_.pass(seconds(1));
  meetings_.tick(now());
  relayed_ = {};
  meetings_.upsert_peer(now(), {NodeId(2), peer_.key, RelayId(1)});
  meetings_.on_active(now(), NodeId(2));
  pump();
  EXPECT_EQ(ways().size(), 1U);
  EXPECT_EQ(world_.table.counts().replayed, 0U);
}

TEST_F(RelayMeetings, another_relay_under_the_same_number_is_begun_with_anew) {
  meetings_.set_relays(now(), {{RelayId(1), {relay_public_key(filled<32>(99)), {kByTls}}}});
  take();
  EXPECT_TRUE(ways().empty());
}

}  // namespace
}  // namespace kernmesh::relay
