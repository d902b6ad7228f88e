// SPDX-License-Identifier: Apache-2.0
// Users and nodes as the server knows them, and the states a node goes through (L1, pure).
#pragma once

#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/policy/inventory.h"
#include "controller/core/topology/overlay.h"

namespace kernmesh::topology {

struct User {
  UserId id;
  std::string name;
  WallTime created_at{};
  std::string email;               // by which a policy names the user; may be empty
  std::vector<std::string> roles;  // "owner", "admin", ...: names of autogroups
  bool operator==(const User&) const = default;
};

// A removed node is no node any more; pending comes with device approval.
enum class NodeState : std::uint8_t { kApproved = 1, kExpired = 2 };
enum class NodeEvent { kKeyExpired, kReauthenticated };
// The one place where a node's state changes. kConflict for an event that the state does not know.
Result<NodeState> next_state(NodeState state, NodeEvent event);

struct Node {
  NodeId id;
  std::string name;
  UserId user_id;
  NodeState state = NodeState::kApproved;
  MachinePublicKey machine_key;
  NodePublicKey node_key;
  DiscoPublicKey disco_key;
  std::vector<IpAddress> addresses;  // IPv4 first
  std::vector<Endpoint> endpoints;
  bool ephemeral = false;
  bool online = false;
  WallTime created_at{};
  WallTime last_seen_at{};        // epoch 0: never connected
  WallTime key_expires_at{};      // epoch 0: never
  std::vector<std::string> tags;  // "tag:x"; with any, the node is nobody's for the policy
  netmap::RelayId home_relay;     // 0: none
  bool operator==(const Node&) const = default;
};

// Whether the node key's time is over at `now`, whatever the state says.
bool key_has_lapsed(const Node& node, WallTime now);

policy::Node to_policy(const Node& node);
policy::User to_policy(const User& user);
netmap::Peer to_peer(const Node& node, const User& user);
netmap::Self to_self(const Node& node, const User& user, const OverlayRange& range);

}  // namespace kernmesh::topology
