// SPDX-License-Identifier: Apache-2.0
// The stand-in for WireGuard keeps to WireGuard's times and forms.
#include "tests/nat/tunnel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kernmesh::nat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

NodePublicKey key_of(std::uint8_t number) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(number);
  return NodePublicKey(bytes);
}
IpAddress address_of(std::uint8_t number) { return IpAddress::from_v4_bytes({100, 64, 0, number}); }

Bytes packet(std::uint8_t from, std::uint8_t to, std::uint8_t mark) {
  return {0x45, 0, 0, 21, 0, 0, 0, 0, 64, 17, 0, 0, 100, 64, 0, from, 100, 64, 0, to, mark};
}

// Two ends and the messages between them.
class TunnelTest : public testing::Test {
 protected:
  TunnelTest() {
    for (const std::uint8_t n : {1, 2}) {
      const std::uint8_t other = n == 1 ? 2 : 1;
      end(n).set_own_key(key_of(n));
      reconcile::WireguardPeer peer;
      peer.endpoint = {address_of(other), Port(1)};
      peer.allowed_ips = {Prefix::host(address_of(other))};
      end(n).put_peer(key_of(other), peer);
    }
  }
  Tunnel& end(std::uint8_t n) { return n == 1 ? a_ : b_; }
  // Everything that is due up to `until`, messages without delay; a lost one goes nowhere.
  void run(MonoTime until) {
    for (bool again = true; again;) {
      again = exchange(1, 2) || exchange(2, 1);
      if (again) continue;
      const auto due =
          std::min(a_.next_deadline().value_or(until), b_.next_deadline().value_or(until));
      if (due >= until) break;
      now_ = std::max(now_, due);
      a_.tick(now_);
      b_.tick(now_);
      again = true;
    }
    now_ = until;
  }
  bool exchange(std::uint8_t from, std::uint8_t to) {
    const auto commands = end(from).take_commands();
    for (const auto& command : commands) {
      if (const auto* out = std::get_if<Tunnel::Send>(&command)) {
        sent_[out->message[0]].push_back(out->message);
        if (!lossy_) end(to).on_message(now_, out->message);
      } else {
        arrived_.push_back(std::get<Tunnel::Deliver>(command).packet.back());
      }
    }
    return !commands.empty();
  }
  void send(std::uint8_t from, std::uint8_t mark) {
    end(from).on_packet(now_, packet(from, from == 1 ? 2 : 1, mark));
    run(now_ + milliseconds(1));
  }

  Tunnel a_{1}, b_{2};
  MonoTime now_{std::chrono::hours(1)};
  bool lossy_ = false;
  std::map<int, std::vector<Bytes>> sent_;
  std::vector<int> arrived_;
};

TEST_F(TunnelTest, a_first_packet_makes_a_session_that_carries_both_ways) {
  send(1, 10);
  send(2, 20);
  EXPECT_EQ(arrived_, (std::vector<int>{10, 20}));
  EXPECT_EQ(sent_[1].size(), 1U);
  EXPECT_EQ(sent_[2].size(), 1U);
}

TEST_F(TunnelTest, messages_have_wireguards_sizes) {
  send(1, 10);
  EXPECT_EQ(sent_[1][0].size(), 148U);
  EXPECT_EQ(sent_[2][0].size(), 92U);
  EXPECT_EQ(sent_[4][0].size(), 16U + 32 + 16);
}

TEST_F(TunnelTest, a_lost_initiation_is_repeated_after_five_seconds) {
  lossy_ = true;
  send(1, 10);
  run(now_ + milliseconds(4900));
  EXPECT_EQ(sent_[1].size(), 1U);
  lossy_ = false;
  run(now_ + seconds(1));
  EXPECT_EQ(sent_[1].size(), 2U);
  EXPECT_EQ(arrived_, std::vector<int>{10});
}

TEST_F(TunnelTest, initiations_that_cross_both_fail_and_one_is_repeated_first) {
  a_.on_packet(now_, packet(1, 2, 10));
  b_.on_packet(now_, packet(2, 1, 20));
  run(now_ + seconds(4));
  EXPECT_EQ(sent_[1].size(), 2U);
  EXPECT_EQ(sent_[2].size(), 2U);
  EXPECT_TRUE(arrived_.empty());
  run(now_ + seconds(2));
  EXPECT_EQ(sent_[1].size(), 3U);
  EXPECT_THAT(arrived_, testing::UnorderedElementsAre(10, 20));
}

TEST_F(TunnelTest, gives_a_handshake_up_after_ninety_seconds) {
  lossy_ = true;
  send(1, 10);
  run(now_ + seconds(200));
  EXPECT_GE(sent_[1].size(), 17U);
  EXPECT_LE(sent_[1].size(), 19U);
  EXPECT_FALSE(a_.next_deadline());
}

TEST_F(TunnelTest, a_repeated_packet_or_initiation_changes_nothing) {
  send(1, 10);
  b_.on_message(now_, sent_[4].back());
  b_.on_message(now_, sent_[1].back());
  run(now_ + milliseconds(1));
  EXPECT_EQ(arrived_, std::vector<int>{10});
  EXPECT_EQ(sent_[2].size(), 1U);
}

TEST_F(TunnelTest, packets_out_of_order_arrive_once_each) {
  send(1, 10);
  lossy_ = true;
  for (std::uint8_t mark = 11; mark < 15; ++mark) send(1, mark);
  auto& data = sent_[4];
  for (const std::size_t back : {2, 1, 4, 3, 1, 4}) b_.on_message(now_, data[data.size() - back]);
  lossy_ = false;
  run(now_ + milliseconds(1));
  EXPECT_EQ(arrived_, (std::vector<int>{10, 13, 14, 11, 12}));
}

TEST_F(TunnelTest, silence_after_sending_begins_a_new_handshake) {
  send(1, 10);
  lossy_ = true;
  send(1, 11);
  run(now_ + milliseconds(14'900));
  EXPECT_EQ(sent_[1].size(), 1U);
  run(now_ + seconds(1));
  EXPECT_EQ(sent_[1].size(), 2U);
}

TEST_F(TunnelTest, what_is_only_received_is_answered_by_a_keepalive) {
  send(1, 10);
  const auto before = sent_[4].size();
  run(now_ + milliseconds(9900));
  EXPECT_EQ(sent_[4].size(), before);
  run(now_ + seconds(1));
  ASSERT_EQ(sent_[4].size(), before + 1);
  EXPECT_EQ(sent_[4].back().size(), 32U);
}

TEST_F(TunnelTest, the_initiator_renews_a_session_after_two_minutes_of_use) {
  for (int second = 0; second < 130; ++second) {
    send(1, 10);
    run(now_ + seconds(1));
  }
  EXPECT_EQ(arrived_.size(), 130U);
  EXPECT_EQ(sent_[1].size(), 2U);
}

TEST_F(TunnelTest, takes_no_packet_from_an_address_that_is_not_the_peers) {
  send(1, 10);
  a_.on_packet(now_, packet(9, 2, 66));
  run(now_ + milliseconds(1));
  EXPECT_EQ(arrived_, std::vector<int>{10});
}

TEST_F(TunnelTest, knows_nobody_who_was_removed) {
  send(1, 10);
  b_.remove_peer(key_of(1));
  send(1, 11);
  run(now_ + seconds(30));
  EXPECT_EQ(arrived_, std::vector<int>{10});
}

}  // namespace
}  // namespace kernmesh::nat
