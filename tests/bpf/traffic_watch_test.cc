// SPDX-License-Identifier: Apache-2.0
// Which peers' traffic has moved, as the agent asks once a second.
#include "controller/bpf/traffic_watch.h"

#include "bpf/abi/underlay.h"
#include "controller/bpf/map.h"
#include "tests/bpf/underlay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

using Moved = std::vector<std::pair<IpAddress, TrafficTimes>>;

class TrafficWatchTest : public UnderlayTest {
 protected:
  Moved moved() {
    auto result = underlay->moved_traffic();
    EXPECT_TRUE(result) << result.error().message();
    return result ? std::move(*result) : Moved{};
  }
  void sends(std::uint32_t number) {
    Frame frame = sent();
    frame.dst = "240.0.0." + std::to_string(number);
    out(frame);
  }
  void comes_by_relay() {
    Frame frame{.src = "10.0.0.9", .sport = 3479};
    frame.payload = message(4, 64);
    frame.payload.insert(frame.payload.begin(), {0xd1, 0x01, 0, 0, 0, 7, 0, 0});
    in(frame);
  }
  // Behind the programs' back, so that no packet is counted.
  void write_slots_unseen(std::uint32_t count, std::uint64_t at_ns) {
    const Map<std::uint32_t, mesh_traffic> map(underlay->map_fd("traffic"), "traffic");
    for (std::uint32_t slot = 1; slot <= count; ++slot)
      ASSERT_TRUE(map.set(slot, {.tx_last_ns = at_ns + slot}));
  }
};

TEST_F(TrafficWatchTest, tells_a_peer_that_was_sent_to_once) {
  EXPECT_EQ(moved(), Moved{});
  sends(1);
  const auto told = moved();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].first, peer);
  EXPECT_EQ(told[0].second.tx, (*underlay->traffic(peer))->tx_last);
  EXPECT_GT(told[0].second.tx, MonoTime{});
  EXPECT_EQ(told[0].second.rx, MonoTime{});
  EXPECT_EQ(moved(), Moved{});
}

TEST_F(TrafficWatchTest, tells_what_came_directly_from_what_came_by_a_relay) {
  in(Frame{.src = "10.0.0.2", .sport = 7000, .payload = message(4, 64)});
  const auto direct = moved();
  ASSERT_EQ(direct.size(), 1U);
  EXPECT_GT(direct[0].second.rx, MonoTime{});
  EXPECT_EQ(direct[0].second.rx_relayed, MonoTime{});
  comes_by_relay();
  const auto relayed = moved();
  ASSERT_EQ(relayed.size(), 1U);
  EXPECT_EQ(relayed[0].second.rx, direct[0].second.rx) << "as it was";
  EXPECT_GT(relayed[0].second.rx_relayed, direct[0].second.rx);
}

TEST_F(TrafficWatchTest, tells_a_peer_that_wireguard_wants_without_a_path) {
  ASSERT_TRUE(underlay->track(synthetic_peer(9)));
  (void)moved();
  sends(9);
  const auto told = moved();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].first, synthetic_peer(9));
}

TEST_F(TrafficWatchTest, reads_nothing_while_no_packet_of_a_peer_is_counted) {
  (void)moved();
  in(Frame{.sport = 53, .dport = 53, .payload = Bytes(64)});
  ASSERT_EQ(counted(), "in_pass");
  write_slots_unseen(1, 1'000'000);
  EXPECT_EQ(moved(), Moved{});
  sends(1);
  EXPECT_EQ(moved().size(), 1U);
}

TEST_F(TrafficWatchTest, does_not_tell_of_a_peer_that_was_removed) {
  ASSERT_TRUE(underlay->track(synthetic_peer(2)));
  sends(2);
  ASSERT_TRUE(underlay->remove_path(synthetic_peer(2)));
  sends(1);
  const auto told = moved();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].first, peer);
}

TEST_F(TrafficWatchTest, tells_what_happened_before_it_was_opened) {
  sends(1);
  auto second = Underlay::open({.instance = "test", .max_peers = 64});
  ASSERT_TRUE(second) << second.error().message();
  const auto told = second->moved_traffic();
  ASSERT_TRUE(told && told->size() == 1U);
  EXPECT_EQ((*told)[0].first, peer);
}

TEST_F(TrafficWatchTest, finds_each_of_more_peers_than_are_read_at_once) {
  constexpr std::uint32_t kPeers = 2'500;
  ASSERT_TRUE(underlay->remove());
  auto large = Underlay::open({.instance = "test", .max_peers = kPeers});
  ASSERT_TRUE(large) << large.error().message();
  *underlay = std::move(*large);
  for (std::uint32_t n = 1; n <= kPeers; ++n) ASSERT_TRUE(underlay->track(synthetic_peer(n)));
  write_slots_unseen(kPeers, 1'000'000);
  const auto told = moved();
  ASSERT_EQ(told.size(), kPeers);
  for (std::uint32_t n = 1; n <= kPeers; ++n)
    ASSERT_EQ((*underlay->traffic(told[n - 1].first))->tx_last, told[n - 1].second.tx) << n;
}

}  // namespace
}  // namespace kernmesh::bpf::test
