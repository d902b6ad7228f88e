// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/network.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace kernmesh::topology {
namespace {

const OverlayRange kRange{*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a::/48")};

Node node_of(std::uint8_t id, NodeState state, std::uint16_t port) {
  Node node;
  node.id = NodeId(id);
  node.name = "n" + std::to_string(id);
  node.user_id = UserId(1);
  node.state = state;
  node.machine_key = MachinePublicKey({id});
  node.addresses = addresses_of(kRange, id);
  node.endpoints = {{*IpAddress::parse("192.0.2.1"), Port(port)}};
  return node;
}

netmap::Netmap applied(netmap::Netmap map, const netmap::Delta& delta) {
  map.version = delta.to;
  if (delta.self) map.self = *delta.self;
  for (const auto& peer : delta.upserted) map.peers.insert_or_assign(peer.id, peer);
  for (const auto id : delta.removed) map.peers.erase(id);
  if (delta.rules) map.rules = *delta.rules;
  return map;
}

// One random step: a node comes, changes, expires, comes back or goes.
NetworkChange random_change(MapVersion version) {
  NetworkChange change{version, {}, {}, {}, {}};
  const auto id = *rc::gen::inRange<int>(1, 6);
  if (*rc::gen::inRange(0, 4) == 0) {
    change.removed_nodes = {NodeId(static_cast<std::uint64_t>(id))};
  } else {
    change.nodes = {
        node_of(static_cast<std::uint8_t>(id),
                *rc::gen::element(NodeState::kApproved, NodeState::kApproved, NodeState::kExpired),
                *rc::gen::inRange<std::uint16_t>(1, 4))};
  }
  return change;
}

// The slow oracle of delta and digest is the snapshot.
TEST(Network, every_older_view_moved_by_its_delta_is_the_new_snapshot) {
  ASSERT_TRUE(rc::check([] {
    Network network(kRange, {Epoch(1), Revision(10)}, /*history=*/6);
    network.apply({{Epoch(1), Revision(10)}, {{UserId(1), "ann", {}}}, {}, {}, {}});
    std::vector<std::map<NodeId, netmap::Netmap>> views;
    for (std::uint64_t revision = 11; revision < 25; ++revision) {
      network.apply(random_change({Epoch(1), Revision(revision)}));
      auto& now = views.emplace_back();
      for (const auto& [id, node] : network.nodes()) now[id] = network.snapshot_for(id);
      for (const auto& older : views) {
        for (const auto& [id, map] : older) {
          if (network.find(id) == nullptr) continue;
          const auto delta = network.delta_for(id, map.version);
          if (!network.matches(id, map.version, netmap::section_digests(map))) continue;
          RC_ASSERT(delta.has_value());
          RC_ASSERT(applied(map, *delta) == now[id]);
          auto wrong = netmap::section_digests(map);
          wrong.peers[3] ^= 1;
          RC_ASSERT(!network.matches(id, map.version, wrong));
        }
      }
      for (const auto& [id, map] : now) {
        RC_ASSERT(network.matches(id, map.version, netmap::section_digests(map)));
      }
    }
  }));
}

TEST(Network, history_that_was_dropped_is_not_resumed_from) {
  Network network(kRange, {Epoch(1), Revision(0)}, /*history=*/2);
  network.apply({{Epoch(1), Revision(1)},
                 {{UserId(1), "ann", {}}},
                 {node_of(1, NodeState::kApproved, 1)},
                 {},
                 {}});
  for (std::uint64_t r = 2; r < 6; ++r) {
    network.apply({{Epoch(1), Revision(r)},
                   {},
                   {node_of(2, NodeState::kApproved, static_cast<std::uint16_t>(r))},
                   {},
                   {}});
  }
  EXPECT_FALSE(network.delta_for(NodeId(1), {Epoch(1), Revision(2)}));
  EXPECT_TRUE(network.delta_for(NodeId(1), {Epoch(1), Revision(3)}));
  EXPECT_FALSE(network.delta_for(NodeId(1), {Epoch(1), Revision(6)}));
  EXPECT_FALSE(network.delta_for(NodeId(1), {Epoch(2), Revision(5)}));
}

TEST(Network, expired_node_sees_and_is_seen_by_nobody) {
  Network network(kRange, {Epoch(1), Revision(1)});
  network.apply({{Epoch(1), Revision(2)},
                 {{UserId(1), "ann", {}}},
                 {node_of(1, NodeState::kApproved, 1), node_of(2, NodeState::kExpired, 1)},
                 {},
                 {}});
  EXPECT_TRUE(network.snapshot_for(NodeId(1)).peers.empty());
  EXPECT_TRUE(network.snapshot_for(NodeId(2)).peers.empty());
}

}  // namespace
}  // namespace kernmesh::topology
