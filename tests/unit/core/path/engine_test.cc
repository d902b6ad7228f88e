// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/engine.h"

#include <gtest/gtest.h>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

std::size_t pings(SimulatedNetwork& net) {
  std::size_t count = 0;
  for (auto& [id, host] : net.hosts()) count += host.pings_sent.size();
  return count;
}

SimulatedNetwork two_hosts(std::vector<int> realms = {1}) {
  SimulatedNetwork net(1);
  for (std::uint32_t id : {1U, 2U}) {
    std::vector<Endpoint> places;
    for (int realm : realms) places.push_back(place(realm, static_cast<int>(id)));
    net.add(id, places);
  }
  net.know_each_other();
  return net;
}

TEST(Engine, peers_that_can_reach_each_other_find_a_path_at_once) {
  auto net = two_hosts();
  net.run(milliseconds(200));
  EXPECT_TRUE(net.carries(1, 2));
  EXPECT_TRUE(net.carries(2, 1));
  const auto status = *net.host(1).engine->status(net.now(), NodeId(2));
  EXPECT_EQ(status.kind, PathKind::kDirect);
  EXPECT_EQ(status.way, place(1, 2));
  EXPECT_TRUE(status.trusted);
  EXPECT_GT(*status.latency, Duration{});
}

TEST(Engine, idle_peers_get_nothing_after_they_are_found) {
  auto net = two_hosts({1, 2});
  net.run(seconds(2));
  const auto before = pings(net);
  net.run(std::chrono::minutes(10));
  EXPECT_EQ(pings(net), before);
  EXPECT_EQ(net.host(1).engine->next_deadline(), std::nullopt);
  EXPECT_TRUE(net.carries(1, 2));
}

TEST(Engine, active_session_costs_one_heartbeat_in_three_seconds) {
  auto net = two_hosts();
  net.run(seconds(1));
  const auto before = net.host(1).pings_sent.size();
  net.run(seconds(30), {{1, 2}});
  const auto sent = net.host(1).pings_sent.size() - before;
  EXPECT_GE(sent, 10U);
  EXPECT_LE(sent, 12U);
  net.run(kSessionActive + seconds(1));
  const auto ended = net.host(1).pings_sent.size();
  net.run(std::chrono::minutes(1));
  EXPECT_EQ(net.host(1).pings_sent.size(), ended);
}

TEST(Engine, unreachable_idle_peer_is_asked_less_and_less_and_then_left) {
  auto net = two_hosts();
  net.cut(1, 1, 2);
  net.start(1);
  net.know_each_other();
  net.run(std::chrono::minutes(10));
  const auto sent = net.host(1).pings_sent.size();
  EXPECT_LE(sent, 2U * kIdleSearchTries + 2);
  net.run(std::chrono::minutes(10));
  EXPECT_EQ(net.host(1).pings_sent.size(), sent);
  EXPECT_FALSE(net.host(1).engine->status(net.now(), NodeId(2))->way);
  net.heal();
  net.run(seconds(5), {{1, 2}});
  EXPECT_TRUE(net.carries(1, 2)) << "traffic must start the search again";
}

TEST(Engine, session_moves_to_another_path_when_the_best_falls_silent) {
  auto net = two_hosts({1, 4});
  net.run(seconds(2), kBothWays);
  const int realm = realm_of(*net.host(1).paths[NodeId(2)].primary);
  net.cut(realm, 1, 2);
  net.run(seconds(10), kBothWays);
  EXPECT_TRUE(net.carries(1, 2));
  EXPECT_TRUE(net.carries(2, 1));
  EXPECT_NE(realm_of(*net.host(1).paths[NodeId(2)].primary), realm);
}

TEST(Engine, last_path_is_kept_when_nothing_answers) {
  auto net = two_hosts({1, 4});
  net.run(seconds(2), kBothWays);
  const auto held = net.host(1).paths[NodeId(2)].primary;
  net.cut(1, 1, 2);
  net.cut(4, 1, 2);
  net.run(seconds(60), kBothWays);
  EXPECT_EQ(net.host(1).paths[NodeId(2)].primary, held);
  EXPECT_TRUE(net.host(1).paths[NodeId(2)].secondary) << "both are used while doubtful";
  EXPECT_FALSE(net.host(1).engine->status(net.now(), NodeId(2))->trusted);
  net.heal();
  net.run(seconds(10), kBothWays);
  EXPECT_TRUE(net.carries(1, 2));
  EXPECT_FALSE(net.host(1).paths[NodeId(2)].secondary);
}

TEST(Engine, a_host_that_moved_is_reached_though_the_netmap_is_stale) {
  for (const Pairs& active : {Pairs{}, Pairs{{1, 2}}, Pairs{{2, 1}}, kBothWays}) {
    auto net = two_hosts();
    net.run(seconds(2), active);
    net.move(1, {place(1, 1, 7)});
    net.run(seconds(10), active);
    EXPECT_TRUE(net.carries(1, 2)) << active.size();
    EXPECT_TRUE(net.carries(2, 1)) << active.size();
  }
}

// A round trip takes 62 ms: the call, a probe back and its answer.
TEST(Engine, a_peer_that_moved_is_sent_to_where_it_answers_before_the_old_place_is_given_up) {
  auto net = two_hosts();
  for (const Duration since_heartbeat : {milliseconds(100), milliseconds(1700)}) {
    net.run(seconds(6) + since_heartbeat, kBothWays);
    const int incarnation = since_heartbeat == milliseconds(100) ? 7 : 8;
    net.move(1, {place(1, 1, incarnation)});
    net.run(milliseconds(120), kBothWays);
    const auto& path = net.host(2).paths[NodeId(1)];
    EXPECT_TRUE(net.carries(2, 1)) << since_heartbeat.count();
    EXPECT_EQ(path.use, Use::kBoth);
    net.run(seconds(10), kBothWays);
    EXPECT_EQ(net.host(2).paths[NodeId(1)].primary, place(1, 1, incarnation));
    EXPECT_EQ(net.host(2).paths[NodeId(1)].use, Use::kPrimary);
  }
}

TEST(Engine, both_restarted_with_stale_netmaps_and_one_moved) {
  auto net = two_hosts();
  net.run(seconds(2), kBothWays);
  net.host(1).places = {place(1, 1, 7)};
  net.start(1);
  net.start(2);
  net.know_each_other();
  net.run(seconds(10));
  EXPECT_TRUE(net.carries(1, 2));
  EXPECT_TRUE(net.carries(2, 1));
}

TEST(Engine, a_disco_key_that_the_netmap_does_not_know_counts_under_the_machine_key) {
  auto net = two_hosts();
  net.run(seconds(1));
  net.host(1).identity.local = sample_identity(1, 2).local;  // info stays as the netmap has it
  net.start(1);
  net.know_each_other();
  net.run(seconds(3), kBothWays);
  EXPECT_TRUE(net.carries(1, 2));
  EXPECT_TRUE(net.host(2).engine->status(net.now(), NodeId(1))->trusted);
  // The older key has been used up: nobody who stole it can take over.
  net.host(1).identity.local = sample_identity(1, 0).local;
  net.start(1);
  net.know_each_other();
  net.run(seconds(10), kBothWays);
  EXPECT_FALSE(net.host(2).engine->status(net.now(), NodeId(1))->trusted);
}

TEST(Engine, a_key_attested_by_another_machine_is_nobody) {
  auto net = two_hosts();
  net.run(seconds(1));
  auto forged = sample_identity(3).local;
  forged.node_key = net.host(1).identity.local.node_key;
  net.host(1).identity.local = forged;
  net.start(1);
  net.know_each_other();
  const auto before = net.host(2).sources;
  net.run(seconds(5), {{1, 2}});
  EXPECT_FALSE(net.host(1).engine->status(net.now(), NodeId(2))->way);
  EXPECT_EQ(net.host(2).sources, before);
}

TEST(Engine, removed_peer_is_forgotten) {
  auto net = two_hosts();
  net.run(seconds(1));
  net.host(1).engine->remove_peer(NodeId(2));
  EXPECT_FALSE(net.host(1).engine->status(net.now(), NodeId(2)));
  net.run(seconds(8), {{2, 1}});
  EXPECT_FALSE(net.host(2).engine->status(net.now(), NodeId(1))->trusted);
  EXPECT_EQ(net.host(1).engine->next_deadline(), std::nullopt);
}

TEST(Engine, ping_now_reports_the_latency_or_that_nobody_answered) {
  auto net = two_hosts();
  net.run(seconds(1));
  const auto first = net.host(1).engine->ping_now(net.now(), NodeId(2));
  ASSERT_TRUE(first);
  net.drain(net.host(1));
  net.run(seconds(1));
  ASSERT_EQ(net.host(1).ping_results.size(), 1U);
  EXPECT_EQ(net.host(1).ping_results[0].request, *first);
  EXPECT_EQ(net.host(1).ping_results[0].way, place(1, 2));
  EXPECT_EQ(*net.host(1).ping_results[0].latency, 2 * *net.delay(1, 2, place(1, 2)));
  net.cut(1, 1, 2);
  ASSERT_TRUE(net.host(1).engine->ping_now(net.now(), NodeId(2)));
  net.drain(net.host(1));
  net.run(seconds(6));
  ASSERT_EQ(net.host(1).ping_results.size(), 2U);
  EXPECT_FALSE(net.host(1).ping_results[1].latency);
  EXPECT_EQ(net.host(1).engine->ping_now(net.now(), NodeId(9)).error().code(),
            ErrorCode::kNotFound);
}

TEST(Engine, refused_send_leads_to_another_path_at_once) {
  auto net = two_hosts({1, 4});
  net.run(seconds(2), kBothWays);
  const auto held = *net.host(1).paths[NodeId(2)].primary;
  net.cut(realm_of(held), 1, 2);
  net.host(1).engine->on_send_failed(net.now(), NodeId(2), held);
  net.drain(net.host(1));
  net.run(seconds(2), kBothWays);
  EXPECT_NE(net.host(1).paths[NodeId(2)].primary, held);
  EXPECT_TRUE(net.host(1).paths[NodeId(2)].primary);
}

TEST(Engine, equal_paths_do_not_take_turns) {
  auto net = two_hosts({1, 2, 4});
  net.run(seconds(5), kBothWays);
  const int changes = net.host(1).path_changes;
  net.run(std::chrono::minutes(20), kBothWays);
  EXPECT_EQ(net.host(1).path_changes, changes);
}

TEST(Engine, discovery_of_many_peers_stays_within_its_budget) {
  SimulatedNetwork net(1);
  net.settings.probes_per_second = 20;
  net.settings.probe_burst = 30;
  net.add(1, {place(1, 1)});
  std::vector<PeerInfo> peers;
  for (std::uint32_t id = 100; id < 400; ++id) {
    auto info = sample_identity(id).info;
    info.endpoints = {place(1, 50), place(4, 50), place(7, 50)};
    peers.push_back(info);
  }
  const auto start = net.now();
  net.host(1).engine->set_peers(net.now(), peers);
  net.drain(net.host(1));
  net.run(seconds(30));
  const auto& sent = net.host(1).pings_sent;
  ASSERT_GT(sent.size(), 500U);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const std::chrono::duration<double> passed = sent[i] - start;
    ASSERT_LE(static_cast<double>(i + 1), 30 + 20 * passed.count() + 1);
  }
}

TEST(Engine, active_session_is_served_before_a_crowd) {
  SimulatedNetwork net(1);
  net.settings.probes_per_second = 20;
  net.settings.probe_burst = 5;
  net.add(1, {place(1, 1)});
  net.add(2, {place(1, 2)});
  std::vector<PeerInfo> peers;
  for (std::uint32_t id = 100; id < 1100; ++id) {
    peers.push_back(sample_identity(id).info);
    peers.back().endpoints = {place(1, 50)};
  }
  peers.push_back(net.host(2).identity.info);
  net.host(1).engine->set_peers(net.now(), peers);
  net.drain(net.host(1));
  net.host(2).engine->set_peers(net.now(), {net.host(1).identity.info});
  net.run(seconds(3), {{1, 2}});
  EXPECT_TRUE(net.carries(1, 2));
}

TEST(Engine, impossible_endpoints_are_never_probed) {
  SimulatedNetwork net(1);
  net.add(1, {place(1, 1)});
  net.host(1).engine->set_overlay_prefixes({Prefix::parse("100.64.0.0/10").value()});
  auto info = sample_identity(2).info;
  for (const char* text : {"127.0.0.1:1", "0.0.0.0:1", "224.0.0.1:1", "240.0.0.1:1", "10.1.1.1:0",
                           "255.255.255.255:9", "169.254.169.254:80", "100.64.0.2:4500", "[::1]:1",
                           "[ff02::1]:1", "[fe80::1]:1", "[::ffff:10.1.1.1]:1", "0.1.2.3:4"})
    info.endpoints.push_back(Endpoint::parse(text).value());
  net.host(1).engine->set_peers(net.now(), {info});
  net.drain(net.host(1));
  net.run(seconds(20), {{1, 2}});
  EXPECT_TRUE(net.host(1).pings_sent.empty());
  EXPECT_EQ(net.host(1).engine->status(net.now(), NodeId(2))->candidates, 0U);
}

}  // namespace
}  // namespace kernmesh::path
