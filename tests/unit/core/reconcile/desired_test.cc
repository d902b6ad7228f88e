// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/desired.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "controller/core/reconcile/policy_input.h"
#include "tests/unit/core/reconcile/instant.h"

namespace kernmesh::reconcile {
namespace {

netmap::Peer peer_of(std::uint64_t id, WallTime expires = {}) {
  netmap::Peer peer;
  peer.id = NodeId(id);
  peer.name = "n" + std::to_string(id);
  std::array<std::uint8_t, 32> key{};
  key[0] = static_cast<std::uint8_t>(id);
  peer.node_key = NodePublicKey(key);
  peer.addresses = {IpAddress::from_v4_number(0x64400000u + static_cast<std::uint32_t>(id)),
                    *IpAddress::parse("fd7a:6b6d::" + std::to_string(id))};
  peer.key_expires_at = expires;
  return peer;
}

netmap::Netmap map_of(std::vector<netmap::Peer> peers) {
  netmap::Netmap map;
  map.self.id = NodeId(1);
  map.self.addresses = {*IpAddress::parse("100.64.0.1"), *IpAddress::parse("fd7a:6b6d::1")};
  map.self.overlay_prefixes = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a:6b6d::/48")};
  for (auto& peer : peers) map.peers.emplace(peer.id, peer);
  return map;
}

Conditions conditions(std::uint32_t mtu = 1500, WallTime now = at(1000)) {
  Conditions c;
  c.mesh_device = IfIndex(7);
  c.underlay_mtu = mtu;
  c.backstop_metric = backstop_metric("1-mesh0");
  c.now = now;
  return c;
}

std::vector<Route> device_routes(const Desired& desired) {
  std::vector<Route> routes;
  for (const auto& route : desired.routes) {
    if (route.kind == RouteKind::kDevice) routes.push_back(route);
  }
  return routes;
}

TEST(MeshMtu, leaves_room_for_ipv6_wireguard_and_the_relay_header) {
  EXPECT_EQ(mesh_mtu(1500), 1408u);
  EXPECT_EQ(mesh_mtu(1460), 1360u);
  EXPECT_EQ(mesh_mtu(9001), 8912u);
  EXPECT_EQ(mesh_mtu(1280), 1184u);
  EXPECT_EQ(mesh_mtu(0), 576u);
  for (std::uint32_t mtu = 700; mtu < 9100; ++mtu) {
    ASSERT_EQ(mesh_mtu(mtu) % 16, 0u) << mtu;
    ASSERT_LE(mesh_mtu(mtu) + 88, mtu) << mtu;
  }
}

TEST(SyntheticAddress, is_the_node_id_inside_class_e_and_comes_back) {
  EXPECT_EQ(to_string(synthetic_address(NodeId(1))), "240.0.0.1");
  EXPECT_EQ(to_string(synthetic_address(NodeId(16777213))), "240.255.255.253");
  for (std::uint64_t id : {1ull, 255ull, 256ull, 65536ull, 16777213ull}) {
    EXPECT_EQ(node_of_synthetic(synthetic_address(NodeId(id))), NodeId(id));
  }
  for (const char* other : {"240.255.255.254", "240.255.255.255", "241.0.0.1", "10.0.0.1", "::1"}) {
    EXPECT_EQ(node_of_synthetic(*IpAddress::parse(other)), NodeId(0)) << other;
  }
}

TEST(Desired, gives_each_peer_its_synthetic_endpoint_and_exactly_its_addresses) {
  const auto desired = desired_state(map_of({peer_of(2), peer_of(3)}), conditions());
  ASSERT_EQ(desired.device.peers.size(), 2u);
  const auto& peer = desired.device.peers.at(peer_of(2).node_key);
  EXPECT_EQ(to_string(peer.endpoint), "240.0.0.2:24240");
  EXPECT_EQ(peer.allowed_ips.size(), 2u);
  EXPECT_EQ(device_routes(desired).size(), 2u);
  EXPECT_EQ(desired.addresses.size(), 2u);
}

TEST(Desired, routes_a_peer_by_itself_when_less_gets_through_to_it) {
  const auto map = map_of({peer_of(2), peer_of(3), peer_of(4)});
  auto narrow = conditions(9001);
  narrow.message_limits = {{NodeId(2), 32 + 1408}, {NodeId(3), 32 + 1184}, {NodeId(9), 32 + 1184}};
  const auto desired = desired_state(map, narrow);
  EXPECT_EQ(desired.mtu, 8912u);
  std::map<std::string, std::uint32_t> mtus;
  for (const auto& route : device_routes(desired)) mtus[to_string(route.destination)] = route.mtu;
  EXPECT_EQ(mtus, (std::map<std::string, std::uint32_t>{{"100.64.0.0/10", 0},
                                                        {"fd7a:6b6d::/48", 0},
                                                        {"100.64.0.2/32", 1408},
                                                        {"fd7a:6b6d::2/128", 1408},
                                                        {"100.64.0.3/32", 1184},
                                                        {"fd7a:6b6d::3/128", 1280}}));
}

TEST(MeshMtu, and_messages_are_each_others_reverse) {
  for (std::uint32_t mtu = 16; mtu < 9000; mtu += 16)
    EXPECT_EQ(mtu_of_message(message_of_mtu(mtu)), mtu);
  EXPECT_EQ(message_of_mtu(1401), 32u + 1408);
  EXPECT_EQ(mtu_of_message(31), 0u);
}

TEST(Desired, keeps_a_way_out_of_the_mesh_from_opening_when_the_interface_is_gone) {
  for (const std::uint32_t mtu : {1500u, 1280u}) {
    const auto map = map_of({peer_of(2)});
    const auto desired = desired_state(map, conditions(mtu));
    for (const auto& prefix : map.self.overlay_prefixes) {
      const Route backstop{prefix, IfIndex(0), kRouteTable, RouteKind::kUnreachable,
                           conditions().backstop_metric};
      EXPECT_EQ(std::count(desired.routes.begin(), desired.routes.end(), backstop), 1)
          << to_string(prefix) << " at " << mtu;
    }
  }
}

TEST(BackstopMetric, is_the_instances_own_and_behind_every_route_of_the_kernels_making) {
  constexpr std::uint32_t kIpv6Default = 1024;  // IP6_RT_PRIO_USER
  EXPECT_GT(backstop_metric(""), kIpv6Default);
  EXPECT_EQ(backstop_metric("4026531840-mesh0"), backstop_metric("4026531840-mesh0"));
  EXPECT_NE(backstop_metric("4026531840-mesh0"), backstop_metric("4026531840-mesh1"));
}

TEST(Desired, leaves_expired_peers_out) {
  const auto map = map_of({peer_of(2, at(1000)), peer_of(3, at(1001))});
  EXPECT_EQ(desired_state(map, conditions()).device.peers.size(), 1u);
  const auto policy = policy_input(map, conditions().now);
  ASSERT_EQ(policy.peers.size(), 1u);
  EXPECT_EQ(policy.peers[0].id, NodeId(3));
  const std::vector<NodeId> step{NodeId(2), NodeId(3), NodeId(4)};
  const auto of_step = policy_input(map, step, conditions().now);
  ASSERT_EQ(of_step.peers.size(), 1u);
  EXPECT_EQ(of_step.peers[0].id, NodeId(3));
}

TEST(Desired, has_no_peers_when_this_node_has_expired) {
  auto map = map_of({peer_of(2)});
  map.self.key_expires_at = at(999);
  EXPECT_TRUE(desired_state(map, conditions()).device.peers.empty());
  EXPECT_TRUE(policy_input(map, conditions().now).peers.empty());
}

TEST(Desired, drops_ipv6_from_the_interface_when_the_mtu_cannot_carry_it) {
  const auto desired = desired_state(map_of({peer_of(2)}), conditions(1280));
  ASSERT_EQ(desired.addresses.size(), 1u);
  EXPECT_TRUE(desired.addresses[0].address().is_v4());
  EXPECT_EQ(device_routes(desired).size(), 1u);
}

TEST(Desired, drops_ipv6_from_the_interface_where_it_is_switched_off_and_keeps_its_backstop) {
  auto off = conditions(9001);
  off.ipv6 = Ipv6::kOff;
  off.message_limits = {{NodeId(2), 32 + 1408}};
  const auto desired = desired_state(map_of({peer_of(2)}), off);
  ASSERT_EQ(desired.addresses.size(), 1u);
  EXPECT_TRUE(desired.addresses[0].address().is_v4());
  for (const auto& route : device_routes(desired))
    EXPECT_TRUE(route.destination.address().is_v4()) << to_string(route.destination);
  EXPECT_EQ(desired.routes.size() - device_routes(desired).size(), 2u);
  EXPECT_EQ(desired.rules.size(), 2u);
}

TEST(Desired, asks_a_kernel_without_ipv6_for_none) {
  auto absent = conditions(9001);
  absent.ipv6 = Ipv6::kAbsent;
  absent.message_limits = {{NodeId(2), 32 + 1408}};
  const auto desired = desired_state(map_of({peer_of(2)}), absent);
  ASSERT_EQ(desired.addresses.size(), 1u);
  EXPECT_TRUE(desired.addresses[0].address().is_v4());
  EXPECT_EQ(desired.routes.size(), 3u);
  for (const auto& route : desired.routes)
    EXPECT_TRUE(route.destination.address().is_v4()) << to_string(route.destination);
  ASSERT_EQ(desired.rules.size(), 1u);
  EXPECT_EQ(desired.rules[0].family, IpFamily::kV4);
}

TEST(NextExpiry, is_the_earliest_one_in_the_future) {
  const auto map = map_of({peer_of(2, at(900)), peer_of(3, at(2000)), peer_of(4, at(1500))});
  EXPECT_EQ(next_expiry(map, at(1000)), at(1500));
  EXPECT_EQ(next_expiry(map_of({peer_of(2)}), at(1000)), std::nullopt);
}

}  // namespace
}  // namespace kernmesh::reconcile
