// SPDX-License-Identifier: Apache-2.0
// Relayed ways beside direct ones: who is used when, and what a dead agent leaves behind.
#include <gtest/gtest.h>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
const Pairs kEachToOther{{1, 2}, {2, 1}};

class RelayedPaths : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint32_t id : {1U, 2U}) net_.add(id, {place(1, static_cast<int>(id))});
    net_.know_each_other();
  }
  const SetPath& path() { return net_.host(1).paths[NodeId(2)]; }
  PathStatus status() { return *net_.host(1).engine->status(net_.now(), NodeId(2)); }
  // Data arrives as the path says; `swallowed`: not on direct ways.
  enum class Data { kArrives, kSwallowed };
  void run(Duration span, Data direct = Data::kArrives) {
    for (const MonoTime end = net_.now() + span; net_.now() < end;) {
      for (const auto& [from, to] : kEachToOther) {
        const auto& sent = net_.host(from).paths[NodeId(to)];
        Traffic heard;
        for (const auto& way :
             {sent.primary, sent.use == Use::kBoth ? sent.secondary : std::nullopt}) {
          if (!way || !net_.carries_on(net_.host(from), from, to, way)) continue;
          if (way->is_relayed()) {
            heard.last_rx_relayed = net_.now();
          } else if (direct == Data::kArrives) {
            heard.last_rx = net_.now();
          }
        }
        net_.host(to).engine->on_traffic(net_.now(), NodeId(from), heard);
        net_.drain(net_.host(to));
      }
      net_.run(milliseconds(500), kEachToOther);
    }
  }

  // Each says something every 20 ms; what arrives is known 200 ms later at the latest. Until
  // `over`.
  void talk(
      Duration most, const std::function<bool()>& over = [] { return false; }) {
    for (const MonoTime end = net_.now() + most; net_.now() < end && !over();) {
      for (const auto& [from, to] : kEachToOther) {
        if (net_.carries_on(net_.host(from), from, to, net_.host(from).paths[NodeId(to)].primary))
          heard_[to].last_rx = net_.now();
        heard_[from].last_tx = net_.now();
      }
      if (net_.now() >= next_look_) {
        next_look_ = net_.now() + milliseconds(200);
        for (const auto& [from, to] : kEachToOther) {
          net_.host(from).engine->on_traffic(net_.now(), NodeId(to), heard_[from]);
          net_.drain(net_.host(from));
        }
      }
      net_.run(milliseconds(20));
    }
  }

  const Way relay_ = relayed_way(1, 1, 2);
  SimulatedNetwork net_{1};
  std::map<std::uint32_t, Traffic> heard_;
  MonoTime next_look_{};
};

TEST_F(RelayedPaths, a_relay_carries_a_session_without_any_direct_way_at_once) {
  net_.cut(1, 1, 2);
  run(seconds(1));
  net_.pair_at({1}, 1, 2);
  EXPECT_TRUE(net_.carries(1, 2)) << "before anything has answered";
  run(seconds(1));
  EXPECT_EQ(path().primary, relay_);
  EXPECT_EQ(status().kind, PathKind::kRelayed);
  EXPECT_TRUE(status().trusted);
}

TEST_F(RelayedPaths, a_direct_way_is_preferred_however_slow_and_alone_once_data_arrives) {
  net_.cut(1, 1, 2);
  net_.pair_at({1}, 1, 2);
  run(seconds(5));
  ASSERT_EQ(path().primary, relay_);
  net_.heal();
  const MonoTime healed = net_.now();
  while (path().primary != place(1, 2) && net_.now() < healed + seconds(40)) run(milliseconds(500));
  ASSERT_EQ(path().primary, place(1, 2)) << "the search goes on while relayed";
  EXPECT_EQ(path().secondary, relay_);
  EXPECT_EQ(path().use, Use::kBoth) << "provisional";
  EXPECT_TRUE(status().provisional);
  run(seconds(3));
  EXPECT_EQ(path().use, Use::kPrimary);
  EXPECT_EQ(path().secondary, relay_) << "for when nobody renews the deadline";
  EXPECT_FALSE(status().provisional);
}

TEST_F(RelayedPaths, r8_a_direct_way_that_swallows_data_is_left_and_tried_again_with_both_in_use) {
  net_.pair_at({1}, 1, 2);
  int alone = 0;
  int direct = 0;
  int relayed = 0;
  for (int i = 0; i < 300; ++i) {
    run(milliseconds(500), Data::kSwallowed);
    ASSERT_TRUE(path().primary);
    if (path().primary->is_relayed()) {
      ++relayed;
    } else {
      ++direct;
      if (path().use == Use::kPrimary) ++alone;
    }
  }
  EXPECT_EQ(alone, 0) << "it was never trusted with data";
  EXPECT_GT(relayed, 200);
  EXPECT_GT(direct, 10) << "it is tried again";
}

TEST_F(RelayedPaths, a_way_that_stops_carrying_data_is_noticed_though_pings_pass) {
  net_.pair_at({1}, 1, 2);
  run(seconds(10));
  ASSERT_EQ(path().use, Use::kPrimary);
  ASSERT_EQ(path().primary, place(1, 2));
  run(seconds(30), Data::kSwallowed);
  EXPECT_EQ(path().primary, relay_);
}

TEST_F(RelayedPaths, both_are_used_from_the_first_doubt_and_the_relay_alone_in_the_end) {
  net_.pair_at({1}, 1, 2);
  run(seconds(10));
  ASSERT_EQ(path().primary, place(1, 2));
  net_.cut(1, 1, 2);
  Duration open{};
  for (int i = 0; i < 100; ++i) {
    run(milliseconds(100));
    if (!net_.carries(1, 2) || !net_.carries(2, 1)) open += milliseconds(500);
  }
  EXPECT_LE(open, kHeartbeat + kPatience + milliseconds(500));
  EXPECT_EQ(path().primary, relay_);
  run(kLapsedUse);
  EXPECT_EQ(path().use, Use::kPrimary);
}

// At whatever moment between the heartbeats of either. The relay's round trip takes 120 ms.
TEST_F(RelayedPaths, the_relay_has_data_within_a_round_trip_of_its_first_answer) {
  net_.pair_at({1}, 1, 2);
  for (int round = 0; round < 20; ++round) {
    net_.heal();
    run(kDirectRetry + kLapsedUse + seconds(5));
    ASSERT_TRUE(net_.host(1).engine->ping_now(net_.now(), NodeId(2)));
    run(milliseconds(500 * (round % 6)));
    ASSERT_TRUE(net_.host(2).engine->ping_now(net_.now(), NodeId(1)));
    run(milliseconds(500 * (round / 6)));
    ASSERT_EQ(path().use, Use::kPrimary);
    std::map<std::uint32_t, MonoTime> answered, used;
    net_.tap = [&](const Bytes& bytes, const Endpoint& source, Host& to) {
      const auto id = static_cast<std::uint32_t>(to.identity.info.id.value());
      if (source == relay_place(1) && bytes.size() < kPingBytes) answered.emplace(id, net_.now());
    };
    net_.cut(1, 1, 2);
    while (used.size() < 2) {
      for (const auto& [from, to] : kEachToOther) {
        if (net_.carries(from, to)) used.emplace(from, net_.now());
        net_.host(from).engine->on_traffic(net_.now(), NodeId(to), {net_.now(), std::nullopt});
        net_.drain(net_.host(from));
      }
      net_.run(milliseconds(1));
    }
    for (const std::uint32_t id : {1U, 2U}) {
      if (!answered.contains(id)) continue;
      EXPECT_LE(used[id] - answered[id], 4 * kToRelay) << "round " << round << ", host " << id;
    }
    net_.tap = nullptr;
  }
}

TEST_F(RelayedPaths, data_that_meets_silence_has_another_way_within_a_second) {
  net_.pair_at({1}, 1, 2);
  talk(seconds(10));
  ASSERT_EQ(path().use, Use::kPrimary);
  ASSERT_EQ(path().primary, place(1, 2));
  net_.cut(1, 1, 2);
  const MonoTime cut = net_.now();
  talk(seconds(5), [&] { return net_.carries(1, 2) && net_.carries(2, 1); });
  EXPECT_LE(net_.now() - cut, milliseconds(700));
}

TEST_F(RelayedPaths, silence_of_one_who_only_listens_costs_one_ping) {
  net_.pair_at({1}, 1, 2);
  talk(seconds(10));
  const auto asked = net_.host(1).pings_sent.size();
  const MonoTime heard = net_.now();
  for (int i = 0; i < 100; ++i) {
    net_.host(1).engine->on_traffic(net_.now(), NodeId(2), {net_.now(), heard});
    net_.drain(net_.host(1));
    net_.run(milliseconds(200));
  }
  EXPECT_LE(net_.host(1).pings_sent.size() - asked, 20U / 3 + 4)
      << "heartbeats, a look at either way for something better, one for the silence";
}

TEST_F(RelayedPaths, r9_thirty_percent_loss_makes_no_path_go_to_and_fro) {
  net_.pair_at({1}, 1, 2);
  talk(seconds(10));
  net_.loss = 0.3;
  int moves = 0;
  int open = 0;
  auto before = path().primary;
  for (int second = 0; second < 1800; ++second) {
    talk(seconds(1));
    if (std::exchange(before, path().primary) != path().primary) ++moves;
    if (!net_.carries(1, 2) || !net_.carries(2, 1)) ++open;
  }
  std::printf("30 %% loss for half an hour: the path moved %d times\n", moves);
  EXPECT_EQ(open, 0);
  EXPECT_LE(moves, 30);
}

TEST_F(RelayedPaths, the_deadline_is_where_trust_ends_and_moves_on_with_every_pong) {
  net_.pair_at({1}, 1, 2);
  run(seconds(10));
  for (int i = 0; i < 60; ++i) {
    run(seconds(1));
    ASSERT_EQ(path().secondary, relay_);
    ASSERT_EQ(path().use, Use::kPrimary);
    ASSERT_EQ(path().deadline, *status().last_pong + kTrust);
    ASSERT_GT(*path().deadline, net_.now());
  }
}

TEST_F(RelayedPaths, of_two_relays_the_one_that_answers_is_used) {
  net_.cut(1, 1, 2);
  net_.pair_at({1, 2}, 1, 2);
  run(seconds(5));
  ASSERT_TRUE(path().primary && path().primary->is_relayed());
  const Way first = *path().primary;
  net_.dead_relays.insert(first.endpoint);
  run(seconds(8));
  EXPECT_TRUE(net_.carries(1, 2));
  EXPECT_TRUE(net_.carries(2, 1));
  EXPECT_NE(path().primary, first);
  ASSERT_FALSE(net_.host(1).doubts.empty());
  EXPECT_EQ(net_.host(1).doubts[0].way, first);
}

// A NAT that has forgotten this node cuts it off from all of its relays, and no answer tells so.
TEST_F(RelayedPaths, every_relay_that_is_silent_is_doubted_again_and_again) {
  net_.pair_at({1, 2}, 1, 2);
  run(seconds(5));
  net_.cut(1, 1, 2);
  for (const int relay : {1, 2}) net_.dead_relays.insert(relay_place(relay));
  net_.host(1).doubts.clear();
  run(seconds(12));
  for (const int relay : {1, 2}) {
    const auto& doubts = net_.host(1).doubts;
    const auto told = std::count_if(doubts.begin(), doubts.end(), [&](const DoubtRelay& doubt) {
      return doubt.way.endpoint == relay_place(relay);
    });
    EXPECT_GE(told, 3) << "relay " << relay;
    EXPECT_LE(told, 5) << "relay " << relay;
  }
}

TEST_F(RelayedPaths, a_channel_that_is_taken_away_is_not_used_any_more) {
  net_.cut(1, 1, 2);
  net_.pair_at({1}, 1, 2);
  run(seconds(3));
  net_.pair_at({}, 1, 2);
  EXPECT_FALSE(path().primary);
  EXPECT_TRUE(net_.host(1).sources[NodeId(2)].empty());
}

TEST_F(RelayedPaths, a_message_on_a_channel_of_somebody_else_is_refused) {
  net_.pair_at({1}, 1, 2);
  run(seconds(3));
  Bytes captured;
  net_.tap = [&](const Bytes& bytes, const Endpoint& source, Host& to) {
    if (&to == &net_.host(1) && source == place(1, 2)) captured = bytes;
  };
  run(seconds(10));
  net_.tap = nullptr;
  ASSERT_FALSE(captured.empty());
  const auto local = net_.host(1).places[0].address;
  EXPECT_EQ(net_.host(1).engine->on_datagram(
                net_.now(), relay::wrap_data(relay::Channel(99), captured), relay_place(1), local),
            Verdict::kBadSource);
}

TEST_F(RelayedPaths, an_idle_relayed_peer_costs_nothing) {
  net_.cut(1, 1, 2);
  net_.pair_at({1}, 1, 2);
  run(seconds(5));
  net_.run(std::chrono::minutes(10));
  const auto sent = net_.host(1).pings_sent.size();
  net_.run(std::chrono::minutes(10));
  EXPECT_EQ(net_.host(1).pings_sent.size(), sent);
  EXPECT_EQ(path().primary, relay_);
}

TEST_F(RelayedPaths, one_that_is_left_at_different_moments_by_both_ends_loses_nothing) {
  net_.cut(1, 1, 2);
  net_.pair_at({1}, 1, 2);
  run(seconds(5));
  ASSERT_EQ(path().primary, relay_);
  const auto leave = [&](std::uint32_t host, std::uint32_t peer) {
    net_.host(host).engine->set_relayed(net_.now(), NodeId(peer), {relayed_way(2, host, peer)},
                                        {relayed_way(1, host, peer)});
    net_.drain(net_.host(host));
  };
  const auto carries_for = [&](Duration span) {
    for (const MonoTime end = net_.now() + span; net_.now() < end;) {
      net_.run(milliseconds(10));
      EXPECT_TRUE(net_.carries(1, 2) && net_.carries(2, 1));
    }
  };
  leave(1, 2);
  carries_for(seconds(1));
  EXPECT_EQ(path().primary, relay_) << "the other end does not hear the new one yet";
  leave(2, 1);
  carries_for(seconds(3));
  EXPECT_EQ(path().primary, relayed_way(2, 1, 2));
  net_.pair_at({2}, 1, 2);  // closed
  carries_for(seconds(1));
}

}  // namespace
}  // namespace kernmesh::path
