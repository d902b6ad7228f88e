// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/handshake_keeper.h"

#include <algorithm>
#include <utility>

#include "controller/agent/key_rotation.h"
#include "controller/core/reconcile/desired.h"

namespace kernmesh::agent {
namespace {

constexpr std::uint8_t kInitiation = 1;  // the first byte of such a message
// The peer's agent has accepted it by then, or a path is no path.
constexpr auto kNewPath = std::chrono::seconds(2);

}  // namespace

void HandshakeKeeper::take(MonoTime now) {
  auto received = parts_.stream.read();
  if (!received) return;
  for (auto& handshake : *received) take(now, std::move(handshake));
}

void HandshakeKeeper::take(MonoTime now, bpf::OwnHandshake handshake) {
  const NodeId peer = reconcile::node_of_synthetic(handshake.synth);
  // No program has a path for those, and each of their packets has gone its way.
  if (parts_.paths.bridged().contains(peer)) return;
  if (now < in_vain_until_) (void)parts_.underlay.forget_begun(reconcile::synthetic_address(peer));
  if (handshake.was_sent) {
    held_.drop(peer);  // this one is newer
    if (new_paths_.contains(peer)) held_.repeat(now, peer, std::move(handshake.message));
    return;
  }
  held_.hold(handshake.at, peer, std::move(handshake.message));
  events_.on_wanted(peer);
  // It may have been written since.
  if (!parts_.paths.ways_of(peer).empty()) held_.on_path(now, peer);
}

void HandshakeKeeper::on_new_key(MonoTime now) { in_vain_until_ = now + kRotationPatience; }

void HandshakeKeeper::on_path(MonoTime now, NodeId peer) {
  new_paths_[peer] = now;
  held_.on_path(now, peer);
}

void HandshakeKeeper::settle(MonoTime now) {
  take(now);
  std::erase_if(new_paths_, [now](const auto& path) { return path.second + kNewPath <= now; });
  const auto heard = [this](NodeId peer) { return last_heard(peer); };
  for (const auto& message : held_.take_due(now, heard)) send(now, message);
}

void HandshakeKeeper::forget(NodeId peer) {
  held_.drop(peer);
  new_paths_.erase(peer);
}

// That the crossing of two cannot be noted costs them five seconds at worst.
void HandshakeKeeper::send(MonoTime now, const path::HeldHandshakes::Message& message) {
  const auto ways = parts_.paths.ways_of(message.peer);
  if (!ways.empty() && message.is_first && message.bytes.front() == kInitiation)
    (void)parts_.underlay.note_begun(now, reconcile::synthetic_address(message.peer),
                                     message.bytes);
  for (const auto& way : ways) events_.send(way, message.bytes);
}

std::optional<MonoTime> HandshakeKeeper::last_heard(NodeId peer) const {
  const auto traffic = parts_.underlay.traffic(reconcile::synthetic_address(peer));
  const MonoTime over_tls = parts_.tls.traffic(peer).rx_last;
  if (!traffic || !*traffic) return over_tls;
  return std::max({(*traffic)->rx_last, (*traffic)->rx_last_relayed, over_tls});
}

}  // namespace kernmesh::agent
