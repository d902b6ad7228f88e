// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/handshake_keeper.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "controller/agent/key_rotation.h"
#include "controller/core/reconcile/desired.h"

namespace kernmesh::agent {
namespace {

constexpr std::uint8_t kInitiation = 1;  // the first byte of such a message
// The peer's agent has accepted it by then, or a path is no path.
constexpr auto kNewPath = std::chrono::seconds(2);

}  // namespace

HandshakeKeeper::Surroundings HandshakeKeeper::surroundings(Parts parts) {
  const auto synth = [](NodeId peer) { return reconcile::synthetic_address(peer); };
  // Shared with nobody: functions are copied, and a stream is not.
  const auto stream = std::make_shared<bpf::HandshakeStream>(std::move(parts.stream));
  auto& underlay = parts.underlay;
  const auto& paths = parts.paths;
  const auto& tls = parts.tls;
  Surroundings around;
  around.fd = stream->fd();
  around.read = [stream] { return stream->read(); };
  around.ways_of = [&paths](NodeId peer) { return paths.ways_of(peer); };
  around.is_bridged = [&paths](NodeId peer) { return paths.bridged().contains(peer); };
  around.last_heard = [&underlay, &tls, synth](NodeId peer) -> std::optional<MonoTime> {
    const auto traffic = underlay.traffic(synth(peer));
    const MonoTime over_tls = tls.traffic(peer).rx_last;
    if (!traffic || !*traffic) return over_tls;
    return std::max({(*traffic)->rx_last, (*traffic)->rx_last_relayed, over_tls});
  };
  // That the crossing of two cannot be noted costs them five seconds at worst.
  around.note_begun = [&underlay, synth](MonoTime now, NodeId peer, Message initiation) {
    (void)underlay.note_begun(now, synth(peer), initiation);
  };
  around.forget_begun = [&underlay, synth](NodeId peer) {
    (void)underlay.forget_begun(synth(peer));
  };
  return around;
}

void HandshakeKeeper::take(MonoTime now) {
  auto received = around_.read();
  if (!received) return;
  for (auto& handshake : *received) take(now, std::move(handshake));
}

void HandshakeKeeper::take(MonoTime now, bpf::OwnHandshake handshake) {
  const NodeId peer = reconcile::node_of_synthetic(handshake.synth);
  // Also of a peer that takes a stream by now: the program that has sent it has noted it.
  if (now < in_vain_until_) around_.forget_begun(peer);
  // No program has a path for those, and each of their packets has gone its way.
  if (around_.is_bridged(peer)) return;
  if (handshake.was_sent) {
    held_.drop(peer);  // this one is newer
    if (new_paths_.contains(peer)) held_.repeat(now, peer, std::move(handshake.message));
    return;
  }
  held_.hold(handshake.at, peer, std::move(handshake.message));
  events_.on_wanted(peer);
  // It may have been written since.
  if (!around_.ways_of(peer).empty()) held_.on_path(now, peer);
}

void HandshakeKeeper::on_bridged(MonoTime now, NodeId peer, Message initiation) {
  if (now >= in_vain_until_) around_.note_begun(now, peer, initiation);
}

void HandshakeKeeper::on_new_key(MonoTime now) { in_vain_until_ = now + kRotationPatience; }

void HandshakeKeeper::on_path(MonoTime now, NodeId peer) {
  new_paths_[peer] = now;
  held_.on_path(now, peer);
}

void HandshakeKeeper::settle(MonoTime now) {
  take(now);
  std::erase_if(new_paths_, [now](const auto& path) { return path.second + kNewPath <= now; });
  const path::HeldHandshakes::Peers peers{
      around_.last_heard, [this](NodeId peer) { return !around_.ways_of(peer).empty(); }};
  for (const auto& message : held_.take_due(now, peers)) send(now, message);
}

void HandshakeKeeper::forget(NodeId peer) {
  held_.drop(peer);
  new_paths_.erase(peer);
}

void HandshakeKeeper::send(MonoTime now, const path::HeldHandshakes::Message& message) {
  const bool begins = message.is_first && message.bytes.front() == kInitiation;
  if (begins && now >= in_vain_until_) around_.note_begun(now, message.peer, message.bytes);
  for (const auto& way : around_.ways_of(message.peer)) events_.send(way, message.bytes);
}

}  // namespace kernmesh::agent
