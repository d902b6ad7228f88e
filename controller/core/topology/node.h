// SPDX-License-Identifier: Apache-2.0
// Users and nodes as the server knows them (L1, pure).
#pragma once

#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/policy/inventory.h"
#include "controller/core/topology/node_state.h"
#include "controller/core/topology/overlay.h"

namespace kernmesh::topology {

struct User {
  UserId id;
  std::string name;
  WallTime created_at{};
  std::string email;               // by which a policy names the user; may be empty
  std::vector<std::string> roles;  // "owner", "admin", ...: names of autogroups
  // Of the identity provider, as it last said; ascending, each once.
  std::vector<std::string> groups{};
  bool operator==(const User&) const = default;
};

// When a node's key ends: after a period that begins anew with each renewal, never, on a day that
// somebody has set and only an administrator moves, or it was ended by hand and no clock brings it
// back. The numbers are what the store has.
enum class KeyExpiry : std::uint8_t { kPeriod = 1, kNever = 2, kDate = 3, kEnded = 4 };

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
  KeyExpiry key_expiry = KeyExpiry::kPeriod;
  bool key_rotation_due = false;     // its agent was asked for a new node key
  WallTime machine_key_shared_at{};  // last seen in use by two machines; epoch 0: not of late
  Bytes endorsement{};               // core/lock/endorsement.h; empty: none
  bool operator==(const Node&) const = default;
};

policy::Node to_policy(const Node& node);
policy::User to_policy(const User& user);
netmap::Peer to_peer(const Node& node, const User& user);
netmap::Self to_self(const Node& node, const User& user, const OverlayRange& range);

}  // namespace kernmesh::topology
