// SPDX-License-Identifier: Apache-2.0
// A step must lead where the whole leads.
#include "controller/core/reconcile/step.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "controller/core/netmap/merge.h"
#include "controller/core/reconcile/desired.h"
#include "tests/unit/core/netmap/sample_netmap.h"
#include "tests/unit/core/reconcile/instant.h"

namespace kernmesh::reconcile {
namespace {

using netmap::key;
using netmap::sample_netmap;
using netmap::sample_peer;

Conditions conditions(WallTime now) {
  Conditions c;
  c.mesh_device = IfIndex(7);
  c.node_key = key<NodePublicKey>(1, 0x12);
  c.now = now;
  return c;
}

// The kernel's side: WireGuard, where an address given to one peer is taken from its holder.
class Kernel {
 public:
  void make(const WireguardChange& change, const NodePublicKey& own_key) {
    for (const auto& gone : change.removed) device_.peers.erase(gone);
    for (const auto& [peer_key, config] : change.upserted) {
      auto& peer = device_.peers[peer_key];
      peer = config;
      for (auto& [other_key, other] : device_.peers) {
        if (other_key != peer_key) take(other, config.allowed_ips);
      }
    }
    if (change.set_private_key) device_.public_key = own_key;
    if (change.listen_port) device_.listen_port = *change.listen_port;
  }

  const WireguardDevice& device() const { return device_; }

 private:
  static void take(WireguardPeer& from, const std::vector<Prefix>& prefixes) {
    std::erase_if(from.allowed_ips, [&](const Prefix& p) {
      return std::find(prefixes.begin(), prefixes.end(), p) != prefixes.end();
    });
  }
  WireguardDevice device_;
};

// An agent's view of its kernel, as controller/agent keeps it.
class Follower {
 public:
  void apply_whole(const netmap::Netmap& map, WallTime now) {
    const auto desired = desired_state(map, conditions(now));
    const auto change = diff(desired.device, observed_);
    kernel.make(change, desired.device.public_key);
    record(change, desired.device.public_key, observed_);
    horizon_.emplace(map, now);
  }
  void apply_step(const netmap::Netmap& before, const netmap::Netmap& after,
                  const std::vector<NodeId>& touched, WallTime now) {
    const auto step = desired_step(before, after, touched, now);
    const auto change = diff(step, observed_);
    named = change.removed.size() + change.upserted.size();
    kernel.make(change, observed_.public_key);
    record(change, observed_.public_key, observed_);
    horizon_->advance(after, touched, now);
  }
  bool covers(WallTime now) const { return horizon_->covers(now); }

  Kernel kernel;
  std::size_t named = 0;  // peers in the last step's message

 private:
  WireguardDevice observed_;
  std::optional<ExpiryHorizon> horizon_;
};

// Few ids, keys and addresses, so that they move between peers and swap.
netmap::Peer any_peer(std::uint32_t id) {
  auto peer = sample_peer(id);
  peer.node_key = key<NodePublicKey>(*rc::gen::inRange(2u, 10u), 0x12);
  peer.addresses.clear();
  for (const auto n : *rc::gen::unique<std::vector<std::uint32_t>>(2, rc::gen::inRange(2u, 14u)))
    peer.addresses.push_back(IpAddress::from_v4_number(0x64400000u + n));
  peer.key_expires_at = at(*rc::gen::element(0, 0, 50, 100, 150));
  return peer;
}

netmap::Delta any_delta(const netmap::Netmap& held) {
  netmap::Delta delta;
  delta.from = held.version;
  delta.to = {held.version.epoch, Revision(held.version.revision.value() + 1)};
  const auto count = *rc::gen::inRange<std::size_t>(1, 4);
  const auto ids = *rc::gen::unique<std::vector<std::uint32_t>>(count, rc::gen::inRange(2u, 9u));
  for (const auto id : ids) {
    const bool removes = *rc::gen::inRange(0, 3) == 0;
    if (removes) delta.removed.push_back(NodeId(id));
    if (!removes) delta.upserted.push_back(any_peer(id));
  }
  return delta;
}

TEST(Step, leads_where_the_whole_leads_for_any_sequence_of_deltas) {
  std::size_t steps = 0;
  std::size_t wholes = 0;
  const bool holds = rc::check([&] {
    auto map = sample_netmap(5);
    if (*rc::gen::inRange(0, 5) == 0) map.self.key_expires_at = at(120);
    WallTime now = at(10);
    Follower follower;
    follower.apply_whole(map, now);
    for (int i = 0; i < 20; ++i) {
      now = at(*rc::gen::inRange(10, 200) / 4 * 4);  // sometimes back as well
      const auto delta = any_delta(map);
      const auto next = netmap::apply_delta(map, delta, {});
      if (!next) continue;  // two peers with one key or address: refused whole
      if (follower.covers(now)) {
        follower.apply_step(map, *next, netmap::touched_by(delta)->peers, now);
        ++steps;
      } else {
        follower.apply_whole(*next, now);
        ++wholes;
      }
      map = *next;
      const auto desired = desired_state(map, conditions(now));
      RC_ASSERT(follower.kernel.device() == desired.device);
    }
  });
  EXPECT_TRUE(holds);
  EXPECT_GT(steps, 100u);
  EXPECT_GT(wholes, 100u);
}

TEST(Step, names_only_what_differs_among_ten_thousand_peers) {
  const auto before = sample_netmap(10'000);
  auto after = before;
  after.peers.erase(NodeId(77));
  after.peers.emplace(NodeId(10'001), sample_peer(10'001));
  after.peers.at(NodeId(78)).endpoints.clear();  // nothing of WireGuard's
  Follower follower;
  follower.apply_whole(before, at(10));
  follower.apply_step(before, after, {NodeId(77), NodeId(78), NodeId(10'001)}, at(10));
  EXPECT_EQ(follower.named, 2u);
  EXPECT_EQ(follower.kernel.device(), desired_state(after, conditions(at(10))).device);
}

TEST(Step, moves_a_key_from_a_peer_that_is_removed_to_one_that_comes) {
  const auto before = sample_netmap(3);
  auto after = before;
  auto heir = sample_peer(9);
  heir.node_key = before.peers.at(NodeId(2)).node_key;
  heir.addresses = before.peers.at(NodeId(2)).addresses;
  after.peers.erase(NodeId(2));
  after.peers.emplace(NodeId(9), heir);
  const auto step = desired_step(before, after, std::vector{NodeId(2), NodeId(9)}, at(10));
  ASSERT_EQ(step.peers.size(), 1u);
  EXPECT_EQ(step.peers.at(heir.node_key)->endpoint.address, synthetic_address(NodeId(9)));
}

TEST(ExpiryHorizon, ends_when_a_key_of_the_map_or_of_a_step_expires) {
  auto map = sample_netmap(3);
  map.peers.at(NodeId(2)).key_expires_at = at(100);
  ExpiryHorizon horizon(map, at(10));
  EXPECT_TRUE(horizon.covers(at(99)));
  EXPECT_FALSE(horizon.covers(at(100)));
  map.peers.at(NodeId(3)).key_expires_at = at(50);
  horizon.advance(map, std::vector{NodeId(3)}, at(20));
  EXPECT_TRUE(horizon.covers(at(49)));
  EXPECT_FALSE(horizon.covers(at(50)));
}

TEST(ExpiryHorizon, does_not_cover_a_clock_that_was_set_back) {
  const auto map = sample_netmap(3);
  ExpiryHorizon horizon(map, at(100));
  EXPECT_FALSE(horizon.covers(at(99)));
  horizon.advance(map, std::vector<NodeId>{}, at(200));
  EXPECT_FALSE(horizon.covers(at(150)));
  EXPECT_TRUE(horizon.covers(at(200)));
}

}  // namespace
}  // namespace kernmesh::reconcile
