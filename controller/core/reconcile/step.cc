// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/step.h"

#include <algorithm>

#include "controller/core/reconcile/desired.h"

namespace kernmesh::reconcile {

Step desired_step(const netmap::Netmap& before, const netmap::Netmap& after,
                  std::span<const NodeId> touched, WallTime now) {
  Step step;
  for (const auto id : touched) {
    const auto old = before.peers.find(id);
    if (old == before.peers.end()) continue;
    step.peers.emplace(old->second.node_key, std::nullopt);
  }
  // After all the old ones, because a key may have moved from one peer to another.
  for (const auto id : touched) {
    const auto found = after.peers.find(id);
    if (found == after.peers.end()) continue;
    const auto& peer = found->second;
    const bool takes_part = is_in_force(after.self, peer, now);
    auto& wanted = step.peers[peer.node_key];
    if (takes_part) wanted = to_wireguard(peer);
  }
  return step;
}

WireguardChange diff(const Step& step, const WireguardDevice& observed) {
  WireguardChange change;
  for (const auto& [key, wanted] : step.peers) {
    const auto present = observed.peers.find(key);
    const bool is_there = present != observed.peers.end();
    if (!wanted) {
      if (is_there) change.removed.push_back(key);
    } else if (!is_there || present->second != *wanted) {
      change.upserted.emplace_back(key, *wanted);
    }
  }
  return change;
}

void record(const WireguardChange& change, const NodePublicKey& own_key,
            WireguardDevice& observed) {
  for (const auto& key : change.removed) observed.peers.erase(key);
  for (const auto& [key, peer] : change.upserted) observed.peers.insert_or_assign(key, peer);
  if (change.set_private_key) observed.public_key = own_key;
  if (change.listen_port) observed.listen_port = *change.listen_port;
}

ExpiryHorizon::ExpiryHorizon(const netmap::Netmap& map, WallTime now)
    : since_(now), until_(next_expiry(map, now)) {}

void ExpiryHorizon::advance(const netmap::Netmap& after, std::span<const NodeId> touched,
                            WallTime now) {
  since_ = now;
  for (const auto id : touched) {
    const auto found = after.peers.find(id);
    if (found == after.peers.end()) continue;
    const WallTime at = found->second.key_expires_at;
    if (at > now && at != WallTime{}) until_ = until_ ? std::min(*until_, at) : at;
  }
}

}  // namespace kernmesh::reconcile
