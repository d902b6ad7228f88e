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
  // The maps are borrowed; they outlive this.
  struct Parts {
    bpf::HandshakeStream stream;
    bpf::Underlay& underlay;
    const PathWriter& paths;
    const TlsPath& tls;
  };
  struct Events {
    std::function<void(NodeId)> on_wanted;  // WireGuard wants to reach it and has no path to it
    std::function<void(const path::Way&, std::span<const std::uint8_t>)> send;
  };
  HandshakeKeeper(Parts parts, Events events)
      : parts_(std::move(parts)), events_(std::move(events)) {}

  int fd() const { return parts_.stream.fd(); }
  // Takes what WireGuard has made. When fd() is readable.
  void take(MonoTime now);
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
  std::optional<MonoTime> last_heard(NodeId peer) const;

  void take(MonoTime now, bpf::OwnHandshake handshake);

  Parts parts_;
  const Events events_;
  path::HeldHandshakes held_;
  std::map<NodeId, MonoTime> new_paths_;  // since when
  MonoTime in_vain_until_{};
};

}  // namespace kernmesh::agent
