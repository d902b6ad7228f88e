// SPDX-License-Identifier: Apache-2.0
// What engines send in random networks that are disturbed all the time, held against their budget.
// A failure prints its seed.
#include <gtest/gtest.h>

#include "tests/unit/core/path/random_nat_world.h"

namespace kernmesh::path {
namespace {

// Every window of time holds at most burst + rate * its length, just when a bucket that is filled
// at that rate never runs dry. Reckoned in whole nanoseconds, apart from the engine's own.
class Allowance {
 public:
  Allowance(double per_second, double burst)
      : gap_(static_cast<std::int64_t>(1e9 / per_second)),
        most_(gap_ * static_cast<std::int64_t>(burst)),
        left_(most_) {}
  void spend(MonoTime now) {
    const auto at = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch());
    left_ = std::min(most_, left_ + (at - last_).count()) - gap_;
    last_ = at;
    lowest_ = std::min(lowest_, left_);
  }
  bool was_overdrawn() const { return lowest_ < 0; }
  bool was_used_up() const { return lowest_ < gap_; }

 private:
  std::int64_t gap_, most_, left_;
  std::int64_t lowest_ = gap_;
  std::chrono::nanoseconds last_{};
};

// Pings to ways that are not in use all come out of the budget of discovery. The way in use has its
// heartbeats beside: two when the first is late, and the next no sooner than after kPatience. A new
// way and a move of this node begin that anew.
constexpr double kHeartbeatsPerSecond = 2, kHeartbeatBurst = 4;

struct Spending {
  Spending(const Settings& settings, double peers)
      : discovery(settings.probes_per_second, settings.probe_burst),
        all(settings.probes_per_second + peers * kHeartbeatsPerSecond,
            settings.probe_burst + peers * kHeartbeatBurst) {}
  Allowance discovery, all;
  std::map<NodeId, Allowance> answers;
};

class Watch {
 public:
  explicit Watch(Settings settings) : settings_(settings) {}

  void follow(std::uint32_t seed) {
    seed_ = seed;
    RandomWorld w(seed, settings_);
    w.world.loss = 0.1 * static_cast<double>(seed % 4);
    w.world.reordered = 0.1;
    std::map<NodeId, Spending> spent;
    w.world.tap = [&](const WorldNode& node, const std::vector<EngineSent>& sent) {
      auto& mine = spent.try_emplace(node.identity.info.id, settings_, w.nodes - 1).first->second;
      for (const auto& datagram : sent) count(w.world.now(), datagram, mine);
    };
    // A process that is new has a new budget; what the one before had spent is judged here, too.
    w.on_restart = [&](std::uint32_t id) { judge(spent, NodeId(id)); };
    for (int step = 0; step < 20; ++step) {
      w.world.run(milliseconds(500 + 500 * (w.world.random()() % 10)));
      w.disturb();
    }
    while (!spent.empty()) judge(spent, spent.begin()->first);
  }
  std::uint64_t pings = 0, discovering = 0, answers = 0;
  int overdrawn = 0, used_up = 0, judged = 0;

 private:
  void count(MonoTime now, const EngineSent& sent, Spending& mine) {
    const auto bytes = sent.bytes - (sent.to.is_relayed() ? relay::kDataHeaderBytes : 0);
    if (bytes == kPongBytes) {
      ++answers;
      mine.answers.try_emplace(sent.peer, kAnswersPerSecond, kAnswerBurst).first->second.spend(now);
    }
    if (bytes != kPingBytes) return;
    ++pings;
    mine.all.spend(now);
    if (sent.in_use) return;
    ++discovering;
    mine.discovery.spend(now);
  }
  void judge(std::map<NodeId, Spending>& spent, NodeId id) {
    const auto found = spent.find(id);
    if (found == spent.end()) return;
    ++judged;
    const Spending& mine = found->second;
    bool over = mine.discovery.was_overdrawn() || mine.all.was_overdrawn();
    for (const auto& [peer, told] : mine.answers) over |= told.was_overdrawn();
    overdrawn += over ? 1 : 0;
    if (over) std::printf("seed %u: a node is over its budget\n", seed_);
    used_up += mine.discovery.was_used_up() ? 1 : 0;
    spent.erase(found);
  }

  Settings settings_;
  std::uint32_t seed_ = 0;
};

Settings poor() {
  Settings settings;
  settings.probes_per_second = 1;
  settings.probe_burst = 5;
  return settings;
}

void watch(const char* what, Watch& watch, std::uint32_t seeds) {
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) watch.follow(seed);
  std::printf("%s: %d lives, %llu pings, %llu of them to look for ways, %llu answers\n", what,
              watch.judged, static_cast<unsigned long long>(watch.pings),
              static_cast<unsigned long long>(watch.discovering),
              static_cast<unsigned long long>(watch.answers));
  std::printf("  over the budget: %d, used it up: %d\n", watch.overdrawn, watch.used_up);
  EXPECT_EQ(watch.overdrawn, 0);
}

TEST(ProbeBudget, is_kept_in_every_window_through_moves_loss_and_restarts) {
  Watch usual{Settings()};
  watch("500 a second", usual, 200);
}

// So short of probes that every search runs into it: what is not enforced would show.
TEST(ProbeBudget, that_is_far_too_small_is_kept_as_well) {
  Watch short_of{poor()};
  watch("1 a second", short_of, 200);
  EXPECT_GT(short_of.used_up, short_of.judged / 5);
}

}  // namespace
}  // namespace kernmesh::path
