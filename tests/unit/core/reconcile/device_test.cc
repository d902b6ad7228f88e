// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/device.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace kernmesh::reconcile {
namespace {

NodePublicKey key_of(std::uint8_t n) {
  std::array<std::uint8_t, 32> bytes{};
  bytes[0] = n;
  return NodePublicKey(bytes);
}

WireguardPeer peer_of(std::uint8_t n, std::uint8_t address) {
  WireguardPeer peer;
  peer.endpoint = {IpAddress::from_v4_number(0xf0000000u + n), Port(24240)};
  peer.allowed_ips = {Prefix::host(IpAddress::from_v4_number(0x64400000u + address))};
  return peer;
}

WireguardDevice device_of(const std::map<std::uint8_t, std::uint8_t>& peers) {
  WireguardDevice device;
  device.public_key = key_of(200);
  device.listen_port = Port(24240);
  for (const auto& [n, address] : peers) device.peers.emplace(key_of(n), peer_of(n, address));
  return device;
}

// What the driver does with a change, removals first.
WireguardDevice applied(WireguardDevice device, const WireguardChange& change,
                        const WireguardDevice& desired) {
  for (const auto& key : change.removed) device.peers.erase(key);
  for (const auto& [key, peer] : change.upserted) device.peers.insert_or_assign(key, peer);
  if (change.set_private_key) device.public_key = desired.public_key;
  if (change.listen_port) device.listen_port = *change.listen_port;
  return device;
}

TEST(DeviceDiff, is_empty_when_nothing_differs) {
  EXPECT_TRUE(diff(device_of({{1, 1}, {2, 2}}), device_of({{1, 1}, {2, 2}})).empty());
}

TEST(DeviceDiff, names_only_the_peers_that_differ) {
  const auto change =
      diff(device_of({{1, 1}, {2, 9}, {4, 4}}), device_of({{1, 1}, {2, 2}, {3, 3}}));
  EXPECT_EQ(change.removed, std::vector{key_of(3)});
  ASSERT_EQ(change.upserted.size(), 2u);
  EXPECT_EQ(change.upserted[0].first, key_of(2));
  EXPECT_EQ(change.upserted[1].first, key_of(4));
  EXPECT_FALSE(change.set_private_key);
  EXPECT_FALSE(change.listen_port);
}

TEST(DeviceDiff, makes_a_peer_anew_that_somebody_gave_a_preshared_key) {
  auto observed = device_of({{1, 1}, {2, 2}});
  observed.peers.at(key_of(2)).has_preshared_key = true;
  const auto change = diff(device_of({{1, 1}, {2, 2}}), observed);
  EXPECT_EQ(change.removed, std::vector{key_of(2)});
  ASSERT_EQ(change.upserted.size(), 1u);
  EXPECT_EQ(change.upserted[0].first, key_of(2));
}

TEST(DeviceDiff, sends_key_and_port_only_when_they_differ) {
  WireguardDevice fresh;
  const auto change = diff(device_of({}), fresh);
  EXPECT_TRUE(change.set_private_key);
  EXPECT_EQ(change.listen_port, Port(24240));
}

TEST(DeviceDiff, leads_from_any_device_to_any_other) {
  const bool holds = rc::check([](const std::map<std::uint8_t, std::uint8_t>& from,
                                  const std::map<std::uint8_t, std::uint8_t>& to) {
    const auto desired = device_of(to);
    const auto change = diff(desired, device_of(from));
    RC_ASSERT(applied(device_of(from), change, desired) == desired);
  });
  EXPECT_TRUE(holds);
}

TEST(DeviceDiff, peer_that_goes_is_removed_after_its_address_has_moved) {
  WireguardChange change;
  change.removed = {key_of(1), key_of(2)};
  change.upserted = {{key_of(2), {}}, {key_of(3), {}}};
  change.set_private_key = true;
  const auto turn = split(change);
  EXPECT_TRUE(turn.first.set_private_key);
  EXPECT_EQ(turn.first.removed, std::vector{key_of(2)}) << "made anew under the same key";
  EXPECT_EQ(turn.first.upserted.size(), 2u);
  EXPECT_EQ(turn.later.removed, std::vector{key_of(1)});
  EXPECT_TRUE(turn.later.upserted.empty());
  EXPECT_FALSE(turn.later.set_private_key);
}

TEST(DeviceDiff, removals_alone_are_one_message) {
  WireguardChange change;
  change.removed = {key_of(1)};
  EXPECT_EQ(split(change).first.removed, change.removed);
  EXPECT_TRUE(split(change).later.empty());
}

TEST(DiffSets, adds_and_removes_exactly_the_difference) {
  const auto p = [](const char* text) { return *Prefix::parse(text); };
  const auto change = diff_sets<Prefix>({p("10.0.0.0/8"), p("fd00::/8"), p("10.0.0.0/8")},
                                        {p("fd00::/8"), p("192.0.2.0/24")});
  EXPECT_EQ(change.added, std::vector{p("10.0.0.0/8")});
  EXPECT_EQ(change.removed, std::vector{p("192.0.2.0/24")});
}

}  // namespace
}  // namespace kernmesh::reconcile
