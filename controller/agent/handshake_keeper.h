// SPDX-License-Identifier: Apache-2.0
// Sends WireGuard's handshake messages that found no path as soon as there is one (L3), and repeats
// those on a new path, which the peer may not accept yet: from the public port, on the ways that
// data takes. core/path/held_handshakes.h decides when. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "controller/agent/path_writer.h"
#include "controller/agent/tls_path.h"
#include "controller/bpf/event_stream.h"
#include "controller/bpf/underlay.h"
#include "controller/core/path/held_handshakes.h"

namespace kernmesh::agent {

class HandshakeKeeper {
 public:
  using Message = std::span<const std::uint8_t>;
  // What it works with.
  struct Surroundings {
    int fd = -1;  // readable when `read` has something
    std::function<Result<std::vector<bpf::OwnHandshake>>()> read;  // what WireGuard has made
    std::function<std::vector<path::Way>(NodeId)> ways_of;         // streams included
    std::function<bool(NodeId)> is_bridged;                        // its packets take a stream
    std::function<std::optional<MonoTime>(NodeId)> last_heard;     // of its WireGuard
    // An initiation to the peer that stands against one of the peer's that crosses it (mesh_begun).
    std::function<void(MonoTime, NodeId, Message)> note_begun;
    std::function<void(NodeId)> forget_begun;
  };
  // Of the agent. All but the stream are borrowed, and outlive the keeper.
  struct Parts {
    bpf::HandshakeStream stream;
    bpf::Underlay& underlay;
    const PathWriter& paths;
    const TlsPath& tls;
  };
  static Surroundings surroundings(Parts parts);

  struct Events {
    std::function<void(NodeId)> on_wanted;  // WireGuard wants to reach it and has no path to it
    std::function<void(const path::Way&, Message)> send;
  };
  HandshakeKeeper(Surroundings surroundings, Events events)
      : around_(std::move(surroundings)), events_(std::move(events)) {}

  int fd() const { return around_.fd; }
  // Takes what WireGuard has made. When fd() is readable.
  void take(MonoTime now);
  // An initiation to the peer leaves by a stream, which no program sees.
  void on_bridged(MonoTime now, NodeId peer, Message initiation);
  // This node has a new WireGuard key, with which it begins in vain until its peers know it: they
  // begin, and what it has begun does not stand in their way (docs/adr/0016).
  void on_new_key(MonoTime now);
  // The peer's packets take other ways than before.
  void on_path(MonoTime now, NodeId peer);
  // Sends what is due. What WireGuard has made meanwhile is taken first: its answer to the peer's
  // initiation ends its own.
  void settle(MonoTime now);
  std::optional<MonoTime> next_deadline() const { return held_.next_deadline(); }
  void forget(NodeId peer);

 private:
  void send(MonoTime now, const path::HeldHandshakes::Message& message);
  void take(MonoTime now, bpf::OwnHandshake handshake);

  const Surroundings around_;
  const Events events_;
  path::HeldHandshakes held_;
  std::map<NodeId, MonoTime> new_paths_;  // since when
  MonoTime in_vain_until_{};
};

}  // namespace kernmesh::agent
