// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/policy_input.h"

#include "controller/core/reconcile/desired.h"

namespace kernmesh::reconcile {

maplayout::AclInput policy_input(const netmap::Netmap& map, WallTime now) {
  maplayout::AclInput input{
      .rules = map.rules, .sets = map.sets, .peers = {}, .own = map.self.addresses, .served = {}};
  input.peers.reserve(map.peers.size());
  for (const auto& [id, peer] : map.peers) {
    if (is_in_force(map.self, peer, now)) input.peers.push_back({id, peer.addresses, {}});
  }
  return input;
}

}  // namespace kernmesh::reconcile
