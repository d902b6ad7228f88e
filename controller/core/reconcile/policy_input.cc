// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/policy_input.h"

#include "controller/core/reconcile/desired.h"

namespace kernmesh::reconcile {
namespace {

maplayout::AclInput without_peers(const netmap::Netmap& map) {
  return {
      .rules = map.rules, .sets = map.sets, .peers = {}, .own = map.self.addresses, .served = {}};
}

}  // namespace

maplayout::AclInput policy_input(const netmap::Netmap& map, WallTime now) {
  auto input = without_peers(map);
  input.peers.reserve(map.peers.size());
  for (const auto& [id, peer] : map.peers) {
    if (is_in_force(map.self, peer, now)) input.peers.push_back({id, peer.addresses, {}});
  }
  return input;
}

maplayout::AclInput policy_input(const netmap::Netmap& map, std::span<const NodeId> peers,
                                 WallTime now) {
  auto input = without_peers(map);
  for (const NodeId id : peers) {
    const auto peer = map.peers.find(id);
    if (peer == map.peers.end() || !is_in_force(map.self, peer->second, now)) continue;
    input.peers.push_back({id, peer->second.addresses, {}});
  }
  return input;
}

}  // namespace kernmesh::reconcile
