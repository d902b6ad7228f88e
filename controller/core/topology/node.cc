// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/node.h"

namespace kernmesh::topology {

policy::Node to_policy(const Node& node) {
  policy::Node known;
  known.id = node.id;
  known.name = node.name;
  known.user = node.user_id;
  known.tags = node.tags;
  known.addresses = node.addresses;
  return known;
}

policy::User to_policy(const User& user) {
  return {user.id, user.name, user.email, user.roles, user.groups};
}

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
  peer.endorsement = node.endorsement;
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
  self.awaits_approval = node.state == NodeState::kPending;
  self.key_rotation_due = node.key_rotation_due;
  self.machine_key_shared = node.machine_key_shared_at != WallTime{};
  self.endorsement = node.endorsement;
  return self;
}

}  // namespace kernmesh::topology
