// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/probe_loss.h"

#include <gtest/gtest.h>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

using Fate = ProbeLoss::Fate;

const MonoTime kWatchBegan{std::chrono::hours(1)};

TEST(ProbeLoss, without_probes_there_is_none) {
  ProbeLoss loss;
  EXPECT_EQ(loss.share(kWatchBegan), std::nullopt);
}

TEST(ProbeLoss, is_the_share_of_probes_without_an_answer) {
  ProbeLoss loss;
  for (int i = 0; i < 8; ++i) {
    const MonoTime sent = kWatchBegan + seconds(3 * i);
    loss.add(sent + milliseconds(20), sent, i % 4 == 0 ? Fate::kLost : Fate::kAnswered);
  }
  EXPECT_EQ(loss.share(kWatchBegan + seconds(30)), 0.25);
}

TEST(ProbeLoss, forgets_probes_that_are_two_minutes_old) {
  ProbeLoss loss;
  loss.add(kWatchBegan + seconds(5), kWatchBegan, Fate::kLost);
  loss.add(kWatchBegan + seconds(60), kWatchBegan + seconds(60), Fate::kAnswered);
  EXPECT_EQ(loss.share(kWatchBegan + kLossWindow - milliseconds(1)), 0.5);
  EXPECT_EQ(loss.share(kWatchBegan + kLossWindow), 0.0);
  EXPECT_EQ(loss.share(kWatchBegan + seconds(60) + kLossWindow), std::nullopt);
}

TEST(ProbeLoss, of_many_probes_the_newest_count) {
  ProbeLoss loss;
  for (std::size_t i = 0; i < 2 * kMostLossProbes; ++i)
    loss.add(kWatchBegan, kWatchBegan, i < kMostLossProbes ? Fate::kLost : Fate::kAnswered);
  EXPECT_EQ(loss.share(kWatchBegan), 0.0);
}

SimulatedNetwork pair_in_realms(const std::vector<int>& realms) {
  SimulatedNetwork net(5);
  for (std::uint32_t id : {1U, 2U}) {
    std::vector<Endpoint> places;
    for (const int realm : realms) places.push_back(place(realm, static_cast<int>(id)));
    net.add(id, places);
  }
  net.know_each_other();
  return net;
}

std::optional<double> loss_seen(SimulatedNetwork& net) {
  return net.host(1).engine->status(net.now(), NodeId(2))->loss;
}

TEST(ProbeLoss, a_session_on_a_good_path_shows_zero) {
  auto net = pair_in_realms({1});
  net.run(seconds(60), kBothWays);
  EXPECT_EQ(loss_seen(net), 0.0);
}

// A probe and its answer both pass with 0.8 * 0.8; a quarter of a share is five deviations.
TEST(ProbeLoss, a_session_on_a_bad_path_shows_what_its_probes_meet) {
  auto net = pair_in_realms({1});
  net.run(seconds(2), kBothWays);
  net.loss = 0.2;
  net.run(std::chrono::minutes(3), kBothWays);
  ASSERT_TRUE(loss_seen(net));
  EXPECT_NEAR(*loss_seen(net), 0.36, 0.25);
  net.loss = 0;
  net.run(std::chrono::minutes(3), kBothWays);
  EXPECT_EQ(loss_seen(net), 0.0);
}

TEST(ProbeLoss, an_idle_peer_shows_none) {
  auto net = pair_in_realms({1});
  net.run(seconds(60), kBothWays);
  net.run(std::chrono::minutes(5));
  EXPECT_EQ(loss_seen(net), std::nullopt);
}

TEST(ProbeLoss, the_path_that_is_taken_instead_begins_without) {
  auto net = pair_in_realms({1, 4});
  net.run(seconds(10), kBothWays);
  const auto before = net.host(1).paths[NodeId(2)].primary;
  net.cut(realm_of(*before), 1, 2);
  net.run(seconds(30), kBothWays);
  ASSERT_NE(net.host(1).paths[NodeId(2)].primary, before);
  EXPECT_EQ(loss_seen(net), 0.0);
}

TEST(ProbeLoss, large_probes_that_do_not_fit_the_path_count_nothing) {
  auto net = pair_in_realms({1});
  net.direct_carries = 1300;
  for (std::uint32_t id : {1U, 2U}) net.host(id).engine->set_largest_message(net.now(), 1440);
  net.run(seconds(60), kBothWays);
  ASSERT_LT(net.host(1).engine->status(net.now(), NodeId(2))->message_limit, 1440U);
  EXPECT_EQ(loss_seen(net), 0.0);
}

}  // namespace
}  // namespace kernmesh::path
