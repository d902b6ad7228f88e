// SPDX-License-Identifier: Apache-2.0
// WireGuard keys that change: this node's own, and its peers' (the rest of mesh_node.h).
#include "controller/agent/mesh_node.h"

namespace kernmesh::agent {

Status MeshNode::set_node_key(const Identity& identity) {
  node_secret_ = identity.node;
  const NodePublicKey key = node_public_key(node_secret_);
  engine_.set_node_key(
      key, path::attest(identity.machine, disco_public_key(identity.disco), key, host::wall_now()));
  handshakes_.on_new_key(host::mono_now());
  if (!netmap_) return {};
  return reconcile_kernel(*netmap_);
}

// A peer with a new key cannot open a session before this node knows the key; its attempt was in
// vain, and the next one is 5 s away. So this node opens one, if it was talking with that peer.
void MeshNode::greet(const netmap::Netmap& before, std::span<const NodeId> peers) {
  const MonoTime now = host::mono_now();
  for (const NodeId id : peers) {
    const auto old = before.peers.find(id);
    const auto peer = netmap_->peers.find(id);
    if (old == before.peers.end() || peer == netmap_->peers.end()) continue;
    if (old->second.node_key == peer->second.node_key) continue;
    const auto path = engine_.status(now, id);
    if (!path || !path->active) continue;
    problems_.note("greeting peer " + to_string(id), device_.greet(peer->second.node_key));
  }
}

}  // namespace kernmesh::agent
