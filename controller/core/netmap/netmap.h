// SPDX-License-Identifier: Apache-2.0
// The netmap: everything one node knows of the network (L1, pure values). Identity (who a peer is)
// and permission (what identities may do) are separate sections, see docs/architecture.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/core/netmap/relay.h"
#include "controller/core/policy/slice.h"

namespace kernmesh::netmap {

// This node as the server knows it.
struct Self {
  NodeId id;
  std::string name;
  UserId user_id;
  std::string user_name;
  std::vector<IpAddress> addresses;      // overlay, in the server's order: IPv4 first
  std::vector<Prefix> overlay_prefixes;  // ranges of the whole network
  WallTime key_expires_at{};             // epoch 0: never
  bool awaits_approval = false;          // and has no peers until then
  bool key_rotation_due = false;         // the server asks for a new node key
  bool machine_key_shared = false;       // another machine has this node's keys, or had of late
  Bytes endorsement{};                   // core/lock/endorsement.h; empty: none
  bool operator==(const Self&) const = default;
};

// Another node. `endpoints` is what it last reported; `online` is a hint for people.
struct Peer {
  NodeId id;
  std::string name;
  UserId user_id;
  std::string user_name;
  MachinePublicKey machine_key;
  NodePublicKey node_key;
  DiscoPublicKey disco_key;
  std::vector<IpAddress> addresses;
  std::vector<Endpoint> endpoints;
  WallTime key_expires_at{};  // epoch 0: never
  bool online = false;
  RelayId home_relay;   // where it is found when it cannot be reached straight; 0: nowhere
  Bytes endorsement{};  // core/lock/endorsement.h; empty: none
  bool operator==(const Peer&) const = default;
};

// This node's slice of the policy: what its rules open, and apart from them who is in the sets that
// they name.
using Rule = policy::SliceRule;
using SourceSet = policy::SourceSet;
using policy::SetId;

// What the signers of the network's locks have said, as the server has it (core/lock/history.h).
using LockStatements = std::vector<Bytes>;

struct Netmap {
  MapVersion version;
  Self self;
  std::map<NodeId, Peer> peers;
  std::map<RuleId, Rule> rules;
  std::map<SetId, SourceSet> sets;
  Relays relays;
  LockStatements lock{};
  // Peers that the server names and this node's network lock keeps out (core/lock/admission.h): for
  // everybody who uses a map they are not there.
  std::map<NodeId, Peer> left_out{};
  bool operator==(const Netmap&) const = default;
};

// Who joined and left a set that is held.
struct SetChange {
  SetId id;
  std::vector<NodeId> joined;
  std::vector<NodeId> left;
  bool operator==(const SetChange&) const = default;
};

// A change that applies to exactly the map of version `from`. One that changes nothing but the
// relays or the lock may lead to that version itself: a new ticket is no change of the network.
struct Delta {
  MapVersion from;
  MapVersion to;
  std::optional<Self> self;
  std::vector<Peer> upserted;
  std::vector<NodeId> removed;
  std::vector<Rule> upserted_rules;
  std::vector<RuleId> removed_rules;
  std::vector<SourceSet> upserted_sets;  // whole; a set that no rule names any more goes by itself
  std::vector<SetChange> changed_sets;
  std::optional<Relays> relays;
  std::optional<LockStatements> lock{};  // whole
  bool operator==(const Delta&) const = default;
};

// Whether it changes nothing but the version.
inline bool is_empty(const Delta& delta) {
  return delta == Delta{delta.from, delta.to, {}, {}, {}, {}, {}, {}, {}, {}};
}

}  // namespace kernmesh::netmap
