// SPDX-License-Identifier: Apache-2.0
// Tells the path engine and the relays' user which peers packets go to and come from (L3): of all
// peers once a second, and more often of those in the middle of a talk, so that silence is noticed
// soon. Decides nothing. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "controller/agent/relay_use.h"
#include "controller/agent/tls_path.h"
#include "controller/bpf/underlay.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/path/engine.h"

namespace kernmesh::agent {

class PeerTraffic {
 public:
  // Who is told. All borrowed; they outlive this.
  struct Listeners {
    path::Engine& engine;
    RelayUse& relays;
    TlsPath& tls;
  };
  PeerTraffic(bpf::Underlay& underlay, Listeners listeners) : underlay_(underlay), to_(listeners) {}

  // What has moved of all peers of the map since the last time. About once a second.
  Status follow(MonoTime now, const netmap::Netmap& map);
  // Looks at those that talk again; when next_look() has come.
  Status look_closer(MonoTime now);
  std::optional<MonoTime> next_look() const { return next_look_; }
  void forget(NodeId peer);

 private:
  void tell(MonoTime now, NodeId peer, const bpf::TrafficTimes& times);

  bpf::Underlay& underlay_;
  Listeners to_;
  std::map<NodeId, MonoTime> active_;  // when a packet went to it last
  std::vector<NodeId> talking_;        // packets went both ways within the last second
  std::optional<MonoTime> next_look_;
};

}  // namespace kernmesh::agent
