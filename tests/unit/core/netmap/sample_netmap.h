// SPDX-License-Identifier: Apache-2.0
// A sound netmap of any size for tests to spoil.
#pragma once

#include <cstdint>
#include <string>

#include "controller/core/netmap/netmap.h"

namespace kernmesh::netmap {

// A key that is determined by (seed, kind).
template <typename Key>
Key key(std::uint32_t seed, std::uint8_t kind) {
  std::array<std::uint8_t, 32> bytes{};
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(seed >> (8 * i));
  bytes[31] = kind;
  return Key(bytes);
}

inline Peer sample_peer(std::uint32_t id) {
  Peer peer;
  peer.id = NodeId(id);
  peer.name = "node" + std::to_string(id);
  peer.user_name = "ada@example.org";
  peer.machine_key = key<MachinePublicKey>(id, 0x11);
  peer.node_key = key<NodePublicKey>(id, 0x12);
  peer.disco_key = key<DiscoPublicKey>(id, 0x13);
  peer.addresses = {IpAddress::from_v4_number(0x64400000U + id)};
  peer.endpoints = {{IpAddress::from_v4_number(0xc0000200U + id % 256), Port(4500)}};
  return peer;
}

// One set may reach this node by SSH.
inline Rule sample_rule(std::uint32_t id, std::uint32_t set) {
  Rule rule;
  rule.id = RuleId(id);
  rule.policy_revision = 3;
  rule.line = 12;
  rule.sources = {SetId(set)};
  rule.targets = {{policy::TargetKind::kOwnAddresses, {}, {{{6}, {{22, 22}}}}}};
  return rule;
}

// This node has id 1, its peers 2..nodes; version (1, 10).
inline Netmap sample_netmap(std::uint32_t nodes) {
  Netmap map;
  map.version = {Epoch(1), Revision(10)};
  map.self.id = NodeId(1);
  map.self.name = "node1";
  map.self.addresses = {IpAddress::from_v4_number(0x64400001U)};
  map.self.overlay_prefixes = {Prefix::parse("100.64.0.0/10").value(),
                               Prefix::parse("fd7a:6b6d::/48").value()};
  for (std::uint32_t id = 2; id <= nodes; ++id) map.peers.emplace(NodeId(id), sample_peer(id));
  const auto rule = sample_rule(7, 70);
  map.rules = {{rule.id, rule}};
  map.sets = {{SetId(70), {SetId(70), {NodeId(2)}, {Prefix::parse("10.0.0.0/8").value()}}}};
  return map;
}

}  // namespace kernmesh::netmap
