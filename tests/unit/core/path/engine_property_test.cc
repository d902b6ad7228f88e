// SPDX-License-Identifier: Apache-2.0
// Thousands of random small networks in virtual time. A failure prints its seed.
#include <gtest/gtest.h>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

std::vector<Endpoint> random_places(std::mt19937& random, int host, int incarnation) {
  std::vector<Endpoint> places;
  for (int realm = 1; realm <= 4; ++realm)
    if (random() % 2 == 0) places.push_back(place(realm, host, incarnation));
  if (places.empty())
    places.push_back(place(1 + static_cast<int>(random() % 4), host, incarnation));
  return places;
}

void cut_some(SimulatedNetwork& net, std::mt19937& random, std::uint32_t hosts) {
  net.heal();
  for (int realm = 1; realm <= 4; ++realm)
    for (std::uint32_t a = 1; a <= hosts; ++a)
      for (std::uint32_t b = a + 1; b <= hosts; ++b)
        if (random() % 3 == 0) net.cut(realm, a, b);
}

struct World {
  SimulatedNetwork net;
  std::mt19937 random;
  std::uint32_t hosts;
  Pairs active;

  explicit World(std::uint32_t seed) : net(seed), random(seed), hosts(2 + random() % 3) {
    for (std::uint32_t id = 1; id <= hosts; ++id)
      net.add(id, random_places(random, static_cast<int>(id), 0));
    cut_some(net, random, hosts);
    for (std::uint32_t a = 1; a <= hosts; ++a)
      for (std::uint32_t b = 1; b <= hosts; ++b)
        if (a != b) active.emplace_back(a, b);
    net.know_each_other();
  }

  // Pairs (from, to) that could carry and do not.
  Pairs broken() {
    Pairs found;
    for (const auto& [a, b] : active)
      if (net.could_carry(a, b) && !net.carries(a, b)) found.emplace_back(a, b);
    return found;
  }

  // The netmap stays as it was: only the others' probes can tell where the host is now.
  void one_moves(int incarnation) {
    const std::uint32_t id = 1 + random() % hosts;
    net.move(id, random_places(random, static_cast<int>(id), incarnation));
  }
  void everybody_restarts() {
    for (std::uint32_t id = 1; id <= hosts; ++id) net.start(id);
    net.know_each_other();
  }
};

TEST(EngineProperty, without_loss_every_change_is_mended_within_ten_seconds) {
  for (std::uint32_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.net.run(seconds(10), world.active);
    ASSERT_EQ(world.broken(), Pairs{}) << "at first";
    for (int step = 1; step <= 3; ++step) {
      switch (world.random() % 4) {
        case 0:
          world.one_moves(step);
          break;
        case 1:
          cut_some(world.net, world.random, world.hosts);
          break;
        case 2:
          world.one_moves(step);
          world.everybody_restarts();
          break;
        default:
          world.everybody_restarts();
          break;
      }
      world.net.run(seconds(10), world.active);
      ASSERT_EQ(world.broken(), Pairs{}) << "step " << step;
    }
  }
}

TEST(EngineProperty, idle_hosts_find_each_other_and_follow_a_move) {
  for (std::uint32_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.net.run(seconds(10));
    ASSERT_EQ(world.broken(), Pairs{}) << "at first";
    world.one_moves(1);
    world.net.run(seconds(10));
    const auto paths = world.broken();
    // An idle host is told by the one that moved; the way back may be found first with traffic.
    world.net.run(seconds(10), world.active);
    ASSERT_EQ(world.broken(), Pairs{}) << "after a move, " << paths.size() << " open while idle";
  }
}

TEST(EngineProperty, with_thirty_percent_loss_nearly_all_are_mended_within_ten_seconds) {
  int judged = 0;
  int late = 0;
  for (std::uint32_t seed = 1; seed <= 1000; ++seed) {
    World world(seed);
    world.net.loss = 0.30;
    world.net.run(seconds(10), world.active);
    for (int step = 1; step <= 2; ++step) {
      world.one_moves(step);
      world.net.run(seconds(10), world.active);
      judged += static_cast<int>(world.active.size());
      late += static_cast<int>(world.broken().size());
    }
    world.net.run(seconds(15), world.active);
    // Who moves to a better way is heard there once the peer's probe has got through.
    Pairs open = world.broken();
    for (int second = 0; second < 5; ++second) {
      world.net.run(seconds(1), world.active);
      const Pairs now = world.broken();
      std::erase_if(open, [&](const auto& pair) {
        return std::find(now.begin(), now.end(), pair) == now.end();
      });
    }
    EXPECT_EQ(open, Pairs{}) << "seed " << seed << ": still open after 30 s";
  }
  std::printf("30 %% loss each way: %d of %d directions open 10 s after a move\n", late, judged);
  EXPECT_LT(late, judged / 200);
}

TEST(EngineProperty, an_active_session_is_never_without_a_way_for_more_than_ten_seconds) {
  Duration longest{};
  for (std::uint32_t seed = 1; seed <= 500; ++seed) {
    World world(seed);
    world.net.run(seconds(3), world.active);
    std::map<std::pair<std::uint32_t, std::uint32_t>, MonoTime> open_since;
    for (int second = 0; second < 120; ++second) {
      if (second % 25 == 10) cut_some(world.net, world.random, world.hosts);
      world.net.run(seconds(1), world.active);
      Pairs broken = world.broken();
      std::erase_if(open_since, [&](const auto& entry) {
        return std::find(broken.begin(), broken.end(), entry.first) == broken.end();
      });
      for (const auto& pair : broken) {
        const auto since = open_since.emplace(pair, world.net.now() - seconds(1)).first->second;
        longest = std::max<Duration>(longest, world.net.now() - since);
        ASSERT_LE(world.net.now() - since, seconds(10)) << "seed " << seed;
      }
    }
  }
  std::printf("longest time without a way: %lld ms\n",
              static_cast<long long>(std::chrono::duration_cast<milliseconds>(longest).count()));
}

}  // namespace
}  // namespace kernmesh::path
