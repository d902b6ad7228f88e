// SPDX-License-Identifier: Apache-2.0
// Calls through a relay: who is told what, and what a peer that calls too much can set off.
#include <gtest/gtest.h>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

class Calls : public ::testing::Test {
 protected:
  // The netmap knows of no endpoints; each host could be reached at its place.
  void SetUp() override {
    for (std::uint32_t id : {1U, 2U}) {
      Host& host = net_.add(id, {place(1, static_cast<int>(id))});
      host.identity.info.endpoints.clear();
    }
    net_.know_each_other();
  }
  Bytes call_of_peer(const std::vector<Endpoint>& endpoints) {
    const auto& peer = net_.host(2).identity;
    const auto key = *shared_key(net_.host(1).identity.info.disco_key, peer.local.disco_secret);
    return relay::wrap_data(relayed_way(1, 1, 2).channel,
                            seal(CallMeMaybe{endpoints}, peer.info.disco_key, key, random_));
  }
  // Both send, and all of it arrives.
  void talk(Duration span) {
    for (const MonoTime end = net_.now() + span; net_.now() < end;) {
      for (const auto& [at, from] : kBothWays)
        net_.host(at).engine->on_traffic(net_.now(), NodeId(from), {{}, net_.now(), net_.now()});
      net_.run(milliseconds(500), kBothWays);
    }
  }
  Verdict hear(const std::vector<Endpoint>& endpoints) {
    const auto bytes = call_of_peer(endpoints);
    return net_.host(1).engine->on_datagram(net_.now(), bytes, relay_place(1),
                                            net_.host(1).places[0].address);
  }
  std::vector<Endpoint> thirty_two(int realm) {
    std::vector<Endpoint> endpoints;
    for (int i = 0; i < 32; ++i) endpoints.push_back(place(realm, 100 + i));
    return endpoints;
  }

  SimulatedNetwork net_{1};
  RandomStream random_{secret_filled<32>(5, 5)};
};

TEST_F(Calls, bring_two_together_whose_endpoints_nobody_else_knows) {
  net_.pair_at({1}, 1, 2);
  net_.run(seconds(5), kBothWays);
  ASSERT_TRUE(net_.host(1).paths[NodeId(2)].primary->is_relayed());
  net_.host(2).engine->set_offer(net_.now(), {place(1, 2)});
  net_.drain(net_.host(2));
  net_.run(seconds(2), kBothWays);
  EXPECT_EQ(net_.host(1).paths[NodeId(2)].primary, place(1, 2));
  EXPECT_EQ(net_.host(2).paths[NodeId(1)].primary, place(1, 1)) << "the ping shows where from";
}

TEST_F(Calls, are_not_made_while_a_direct_way_works_or_nobody_sends) {
  int calls = 0;
  net_.tap = [&](const Bytes& bytes, const Endpoint&, Host&) {
    if (const auto data = relay::parse_data(bytes))
      calls += data->message.size() != kPingBytes && data->message.size() != kPongBytes ? 1 : 0;
  };
  for (std::uint32_t id : {1U, 2U})
    net_.host(id).engine->set_offer(net_.now(), {place(1, static_cast<int>(id))});
  net_.pair_at({1}, 1, 2);
  net_.run(seconds(60));
  EXPECT_EQ(calls, 0) << "idle";
  talk(seconds(10));
  EXPECT_GT(calls, 0);
  const int before = calls;
  talk(std::chrono::minutes(5));
  EXPECT_EQ(calls, before) << "direct";
}

TEST_F(Calls, that_come_too_often_are_not_listened_to) {
  net_.pair_at({1}, 1, 2);
  net_.run(seconds(1));
  int taken = 0;
  for (int i = 0; i < 1000; ++i)
    if (hear(thirty_two(4)) == Verdict::kAccepted) ++taken;
  EXPECT_EQ(taken, static_cast<int>(kCallsHeardBurst));
}

TEST_F(Calls, set_off_a_bounded_number_of_probes_that_end) {
  net_.pair_at({1}, 1, 2);
  net_.run(seconds(1));
  net_.host(1).pings_sent.clear();
  for (int i = 0; i < 60; ++i) {
    (void)hear(thirty_two(4 + 3 * (i % 10)));
    net_.drain(net_.host(1));
    net_.run(seconds(1));
  }
  const double calls = kCallsHeardBurst + 60 * kCallsHeardPerSecond;
  EXPECT_LE(net_.host(1).pings_sent.size(), static_cast<std::size_t>(calls * 32 * kOfferTries));
  EXPECT_LE(net_.host(1).engine->status(net_.now(), NodeId(2))->candidates, kMostCandidates + 1);
  net_.run(seconds(20));
  net_.host(1).pings_sent.clear();
  net_.run(std::chrono::minutes(5));
  EXPECT_TRUE(net_.host(1).pings_sent.empty());
  EXPECT_LE(net_.host(1).engine->status(net_.now(), NodeId(2))->candidates, 1U) << "forgotten";
}

TEST_F(Calls, name_no_place_that_a_peer_cannot_have) {
  net_.pair_at({1}, 1, 2);
  net_.run(seconds(1));
  net_.host(1).pings_sent.clear();
  std::vector<Endpoint> bad;
  for (const char* text : {"127.0.0.1:22", "224.0.0.1:5", "240.0.0.7:24240", "0.0.0.0:1",
                           "169.254.169.254:80", "10.0.0.1:0", "[::1]:5", "[fe80::1]:5"})
    bad.push_back(Endpoint::parse(text).value());
  EXPECT_EQ(hear(bad), Verdict::kAccepted);
  net_.drain(net_.host(1));
  net_.run(seconds(10));
  EXPECT_TRUE(net_.host(1).pings_sent.empty());
}

}  // namespace
}  // namespace kernmesh::path
