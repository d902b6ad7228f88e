// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/node.h"

namespace kernmesh::topology {

Result<NodeState> next_state(NodeState state, NodeEvent event) {
  switch (event) {
    case NodeEvent::kKeyExpired:
      if (state == NodeState::kApproved) return NodeState::kExpired;
      return Error(ErrorCode::kConflict, "the node has expired already");
    case NodeEvent::kReauthenticated:
      return NodeState::kApproved;
  }
  return Error(ErrorCode::kConflict, "unknown event");
}

bool key_has_lapsed(const Node& node, WallTime now) {
  return node.key_expires_at != WallTime{} && now >= node.key_expires_at;
}

policy::Node to_policy(const Node& node) {
  policy::Node known;
  known.id = node.id;
  known.name = node.name;
  known.user = node.user_id;
  known.tags = node.tags;
  known.addresses = node.addresses;
  return known;
}

policy::User to_policy(const User& user) { return {user.id, user.name, user.email, user.roles}; }

netmap::Peer to_peer(const Node& node, const User& user) {
  netmap::Peer peer;
  peer.id = node.id;
  peer.name = node.name;
  peer.user_id = user.id;
  peer.user_name = user.name;
  peer.machine_key = node.machine_key;
  peer.node_key = node.node_key;
  peer.disco_key = node.disco_key;
  peer.addresses = node.addresses;
  peer.endpoints = node.endpoints;
  peer.key_expires_at = node.key_expires_at;
  peer.online = node.online;
  peer.home_relay = node.home_relay;
  return peer;
}

netmap::Self to_self(const Node& node, const User& user, const OverlayRange& range) {
  netmap::Self self;
  self.id = node.id;
  self.name = node.name;
  self.user_id = user.id;
  self.user_name = user.name;
  self.addresses = node.addresses;
  self.overlay_prefixes = {range.v4, range.v6};
  self.key_expires_at = node.key_expires_at;
  return self;
}

}  // namespace kernmesh::topology
