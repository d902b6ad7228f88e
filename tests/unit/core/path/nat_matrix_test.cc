// SPDX-License-Identifier: Apache-2.0
// Every kind of NAT against every other: which pairs find a direct way, and which need a relay.
#include <gtest/gtest.h>

#include "tests/unit/core/path/nat_world.h"

namespace kernmesh::path {
namespace {

struct Kind {
  const char* name;
  std::optional<NatKind> nat;  // none: a public address
};
using D = Dependence;
using P = PortChoice;
const std::vector<Kind> kKinds{
    {"public", std::nullopt},
    {"full cone", NatKind{D::kNone, D::kNone, P::kKept}},
    {"restricted", NatKind{D::kNone, D::kAddress, P::kRandom}},
    {"port restricted", NatKind{D::kNone, D::kAddressAndPort, P::kKept}},
    {"hard, sequential", NatKind{D::kAddressAndPort, D::kAddressAndPort, P::kSequential}},
    {"hard, random", NatKind{D::kAddressAndPort, D::kAddressAndPort, P::kRandom}},
    {"hard by address", NatKind{D::kAddress, D::kAddress, P::kRandom}},
};
// d: direct, r: relayed. A sequential NAT's ports are guessed by the node behind it and tried by a
// peer whose own mapping stays; two hard ones move away from each other's guesses. One that maps by
// address takes packets from every port of its peer, who lets it in unless he filters by port.
const char* const kExpected[] = {
    "ddddddd",  // public
    "ddddddd",  // full cone
    "ddddddd",  // restricted
    "dddddrr",  // port restricted
    "ddddrrr",  // hard, sequential
    "dddrrrr",  // hard, random
    "dddrrrr",  // hard by address
};

char outcome(const Kind& a, const Kind& b, std::uint32_t seed) {
  NatWorld world(seed, 3);
  for (std::uint32_t id : {1U, 2U}) {
    const Kind& kind = id == 1 ? a : b;
    world.add_node(id, kind.nat ? world.add_network(kInternet, *kind.nat) : kInternet);
  }
  world.start();
  world.run(seconds(30));
  const auto ab = world.node(1).engine.status(world.now(), NodeId(2))->kind;
  const auto ba = world.node(2).engine.status(world.now(), NodeId(1))->kind;
  const auto arrives = [&](std::uint32_t at, std::uint32_t from) {
    return world.now() - world.node(at).arrived[NodeId(from)] < seconds(2);
  };
  if (!arrives(1, 2) || !arrives(2, 1)) return 'x';
  return ab != ba ? 'm' : ab == PathKind::kDirect ? 'd' : ab == PathKind::kRelayed ? 'r' : 'x';
}

TEST(NatMatrix, r7_every_pair_of_kinds_ends_where_it_should) {
  for (std::size_t a = 0; a < kKinds.size(); ++a) {
    for (std::size_t b = 0; b < kKinds.size(); ++b) {
      std::string seen;
      for (std::uint32_t seed = 1; seed <= 4; ++seed) seen += outcome(kKinds[a], kKinds[b], seed);
      EXPECT_EQ(seen, std::string(4, kExpected[a][b])) << kKinds[a].name << " - " << kKinds[b].name;
    }
  }
}

struct Place {
  NetworkNumber first, second;
};
PathKind kind_after(NatWorld& world, const Place& place, Duration span) {
  world.add_node(1, place.first);
  world.add_node(2, place.second);
  world.start();
  world.run(span);
  EXPECT_LT(world.now() - world.node(1).arrived[NodeId(2)], seconds(2));
  EXPECT_LT(world.now() - world.node(2).arrived[NodeId(1)], seconds(2));
  return world.node(1).engine.status(world.now(), NodeId(2))->kind;
}

TEST(NatMatrix, r7_two_behind_one_nat_meet_inside) {
  NatWorld world(1, 2);
  const auto home = world.add_network(kInternet, *kKinds[5].nat);
  EXPECT_EQ(kind_after(world, {home, home}, seconds(20)), PathKind::kDirect);
}

TEST(NatMatrix, r7_double_nats_of_one_provider_need_hairpin_or_a_relay) {
  for (const bool hairpin : {false, true}) {
    NatWorld world(1, 2);
    NatKind carrier = *kKinds[3].nat;
    carrier.hairpin = hairpin;
    const auto provider = world.add_network(kInternet, carrier);
    const auto a = world.add_network(provider, *kKinds[3].nat);
    const auto b = world.add_network(provider, *kKinds[3].nat);
    EXPECT_EQ(kind_after(world, {a, b}, seconds(20)),
              hairpin ? PathKind::kDirect : PathKind::kRelayed);
  }
}

TEST(NatMatrix, r7_double_nat_against_a_single_one_is_direct) {
  NatWorld world(1, 2);
  const auto provider = world.add_network(kInternet, *kKinds[3].nat);
  const auto inner = world.add_network(provider, *kKinds[3].nat);
  const auto other = world.add_network(kInternet, *kKinds[3].nat);
  EXPECT_EQ(kind_after(world, {inner, other}, seconds(20)), PathKind::kDirect);
}

// The world ends when somebody asks for a tick again and again.
TEST(NatMatrix, a_relay_that_is_drained_and_removed_is_left_in_peace) {
  NatWorld world(1, 2);
  for (std::uint32_t id : {1U, 2U})
    world.add_node(id, world.add_network(kInternet, *kKinds.back().nat));
  world.start();
  world.run(seconds(20));
  const auto way = world.node(1).engine.status(world.now(), NodeId(2))->way;
  ASSERT_TRUE(way && way->is_relayed());
  auto infos = world.relay_infos();
  const auto used = std::find_if(infos.begin(), infos.end(), [&](const relay::RelayInfo& info) {
    return info.address.endpoints.front() == way->endpoint;
  });
  ASSERT_NE(used, infos.end());
  used->use = relay::RelayInfo::Use::kDraining;
  world.tell(infos);
  world.run(seconds(3));
  infos.erase(used);
  world.tell(infos);
  world.run(seconds(30));
  const auto left = world.node(1).engine.status(world.now(), NodeId(2))->way;
  ASSERT_TRUE(left && left->is_relayed());
  EXPECT_NE(left->endpoint, way->endpoint);
  EXPECT_LT(world.now() - world.node(1).arrived[NodeId(2)], seconds(2));
}

// When one leaves before the other does, what the other still sends there is lost in the end.
TEST(NatMatrix, r6_both_ends_leave_a_draining_relay_at_once) {
  NatWorld world(1, 2);
  for (std::uint32_t id : {1U, 2U})
    world.add_node(id, world.add_network(kInternet, *kKinds.back().nat));
  world.start();
  world.run(seconds(20));
  const auto way = world.node(1).engine.status(world.now(), NodeId(2))->way;
  ASSERT_TRUE(way && way->is_relayed());
  auto infos = world.relay_infos();
  for (auto& info : infos) {
    if (info.address.endpoints.front() == way->endpoint)
      info.use = relay::RelayInfo::Use::kDraining;
  }
  world.tell(infos);
  world.run(seconds(2));
  for (const auto& [id, peer] : {std::pair(1U, 2U), std::pair(2U, 1U)}) {
    const auto left = world.node(id).engine.status(world.now(), NodeId(peer))->way;
    ASSERT_TRUE(left && left->is_relayed()) << id;
    EXPECT_NE(left->endpoint, way->endpoint) << id;
  }
}

// A relay hears the server every few seconds, nodes hear it at once: when a drain is undone, the
// relay still refuses whoever comes first.
TEST(NatMatrix, a_relay_that_drains_no_more_is_used_again_though_its_own_word_came_late) {
  NatWorld world(1, 2);
  for (std::uint32_t id : {1U, 2U})
    world.add_node(id, world.add_network(kInternet, *kKinds.back().nat));
  world.start();
  world.run(seconds(20));
  const auto way = world.node(1).engine.status(world.now(), NodeId(2))->way;
  ASSERT_TRUE(way && way->is_relayed());
  const int used = way->endpoint == relay_place(1) ? 1 : 2;
  auto infos = world.relay_infos();
  auto& info = infos[static_cast<std::size_t>(used - 1)];
  info.use = relay::RelayInfo::Use::kDraining;
  world.tell(infos);
  world.drain(used);
  world.run(seconds(20));
  ASSERT_NE(world.node(1).engine.status(world.now(), NodeId(2))->way->endpoint, way->endpoint);
  info.use = relay::RelayInfo::Use::kOpen;
  world.tell(infos);
  world.run(seconds(5));
  world.end_drain(used);
  world.run(seconds(30));
  for (const auto& [id, peer] : {std::pair(1U, 2U), std::pair(2U, 1U)}) {
    const auto back = world.node(id).engine.status(world.now(), NodeId(peer))->way;
    ASSERT_TRUE(back && back->is_relayed()) << id;
    EXPECT_EQ(back->endpoint, way->endpoint) << id;
    EXPECT_LT(world.now() - world.node(id).arrived[NodeId(peer)], seconds(2)) << id;
  }
}

TEST(NatMatrix, a_draining_relay_is_used_while_there_is_no_other) {
  NatWorld world(1, 1);
  for (std::uint32_t id : {1U, 2U})
    world.add_node(id, world.add_network(kInternet, *kKinds.back().nat));
  world.start();
  world.run(seconds(20));
  auto infos = world.relay_infos();
  infos.front().use = relay::RelayInfo::Use::kDraining;
  world.tell(infos);
  world.run(seconds(30));
  for (const auto& [id, peer] : {std::pair(1U, 2U), std::pair(2U, 1U)})
    EXPECT_LT(world.now() - world.node(id).arrived[NodeId(peer)], seconds(2)) << id;
}

}  // namespace
}  // namespace kernmesh::path
