// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/admission.h"

namespace kernmesh::lock {

Result<const Endorsement*> Admission::verified(const netmap::Peer& peer) {
  if (peer.endorsement.empty()) {
    return Error(ErrorCode::kPermissionDenied, "network lock: nobody has signed it");
  }
  const auto found = verified_.find(peer.id);
  if (found != verified_.end() && found->second.bytes == peer.endorsement) {
    return &found->second.endorsement;
  }
  MESH_TRY_ASSIGN(auto endorsement, parse_endorsement(peer.endorsement));
  ++verifications_;
  MESH_TRY(check_signatures(endorsement));
  auto& kept = verified_[peer.id];
  kept = {peer.endorsement, std::move(endorsement)};
  return &kept.endorsement;
}

Admission::Outcome Admission::sort(const Chain& chain, const Rotations& seen, netmap::Netmap& map) {
  Outcome outcome;
  std::erase_if(verified_, [&](const auto& entry) {
    return !map.peers.contains(entry.first) && !map.left_out.contains(entry.first);
  });
  map.peers.merge(map.left_out);
  map.left_out.clear();
  if (chain.disabled) return outcome;
  const auto judge = [&](const netmap::Peer& peer) -> Status {
    MESH_TRY_ASSIGN(const auto* endorsement, verified(peer));
    const auto known = seen.find(peer.machine_key);
    const auto least = known == seen.end() ? 0 : known->second;
    MESH_TRY(
        check_claim(chain, *endorsement, {peer.machine_key, peer.node_key, peer.addresses}, least));
    if (rotation_of(*endorsement) > least)
      outcome.risen[peer.machine_key] = rotation_of(*endorsement);
    return {};
  };
  for (auto peer = map.peers.begin(); peer != map.peers.end();) {
    const Status judged = judge(peer->second);
    if (judged) {
      ++peer;
      continue;
    }
    outcome.left_out.push_back({peer->first, peer->second.name, judged.error().message()});
    map.left_out.insert(map.peers.extract(peer++));
  }
  return outcome;
}

}  // namespace kernmesh::lock
