// SPDX-License-Identifier: Apache-2.0
// When this node gets another WireGuard key, and how (the rest of agent.h).
#include <spdlog/spdlog.h>

#include "controller/agent/agent.h"

namespace kernmesh::agent {

KeyRotation::Events Agent::rotation_events() {
  KeyRotation::Events events;
  events.use = [this](const X25519SecretKey& key) -> Status {
    if (!node_) return {};
    Identity identity = identity_;
    identity.node = key;
    return node_->set_node_key(identity);
  };
  events.tell = [this](const X25519SecretKey& key) {
    if (session_) session_->tell_node_key(key, lock_->endorsement_for(node_public_key(key)));
  };
  events.keep = [this](const X25519SecretKey& key) {
    identity_.node = key;
    clock_guard_.forgive();
    note_saved(store_node_key(options_.state_dir, key));
    if (receiver_) receiver_->set_own(own_keys(identity_));
  };
  return events;
}

// Because the server asks for it, or because the clock went back.
void Agent::look_after_key(MonoTime now) {
  clock_guard_.read(now, host::wall_now());
  const bool went_back = clock_guard_.went_back();
  const bool is_asked = stored_ && stored_->self.key_rotation_due;
  if (!(is_asked || went_back) || !connected_ || !node_ || !session_ || joining_) return;
  if (stored_ && stored_->self.awaits_approval) return;
  const auto reason = went_back ? KeyRotation::Reason::kClock : KeyRotation::Reason::kServer;
  if (rotation_.may_begin(now, reason)) rotation_.begin(now, identity_.node, make_node_key());
}

}  // namespace kernmesh::agent
