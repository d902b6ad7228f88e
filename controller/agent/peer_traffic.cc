// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/peer_traffic.h"

#include <algorithm>

#include "controller/core/reconcile/desired.h"

namespace kernmesh::agent {
namespace {

constexpr auto kTalking = std::chrono::seconds(1);
// As fine as path::kDataSilence. A look costs three reads of maps for each peer.
constexpr auto kLookAgain = std::chrono::milliseconds(200);
// Of more the first by number: 64 of them cost 960 reads a second.
constexpr std::size_t kMostLookedAt = 64;

std::optional<MonoTime> reading(MonoTime at) {
  return at == MonoTime{} ? std::nullopt : std::optional(at);
}

}  // namespace

Status PeerTraffic::follow(MonoTime now, const netmap::Netmap& map) {
  MESH_TRY_ASSIGN(const auto moved, underlay_.moved_traffic());
  talking_.clear();
  for (const auto& [synth, times] : moved) {
    const NodeId id = reconcile::node_of_synthetic(synth);
    if (!map.peers.contains(id)) continue;
    active_[id] = times.tx;
    tell(now, id, times);
    const MonoTime rx = std::max({times.rx, times.rx_relayed, to_.tls.traffic(id).rx_last});
    const bool talks = std::min(rx, times.tx) + kTalking > now;
    if (talks && talking_.size() < kMostLookedAt) talking_.push_back(id);
  }
  for (const NodeId id : to_.tls.take_heard())
    to_.engine.on_traffic(now, id, {std::nullopt, std::nullopt, to_.tls.traffic(id).rx_last});
  std::erase_if(active_, [&](const auto& entry) {
    const bool ended = entry.second + path::kSessionActive <= now;
    if (!ended) to_.relays.on_active(now, entry.first);
    return ended;
  });
  next_look_ = talking_.empty() ? std::nullopt : std::optional(now + kLookAgain);
  return {};
}

Status PeerTraffic::look_closer(MonoTime now) {
  next_look_ = now + kLookAgain;
  for (const NodeId id : talking_) {
    MESH_TRY_ASSIGN(const auto traffic, underlay_.traffic(reconcile::synthetic_address(id)));
    if (traffic) tell(now, id, {traffic->rx_last, traffic->rx_last_relayed, traffic->tx_last});
  }
  return {};
}

void PeerTraffic::tell(MonoTime now, NodeId peer, const bpf::TrafficTimes& times) {
  const MonoTime rx_relayed = std::max(times.rx_relayed, to_.tls.traffic(peer).rx_last);
  to_.engine.on_traffic(now, peer, {reading(times.tx), reading(times.rx), reading(rx_relayed)});
}

void PeerTraffic::forget(NodeId peer) {
  active_.erase(peer);
  std::erase(talking_, peer);
}

}  // namespace kernmesh::agent
