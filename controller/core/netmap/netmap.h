// SPDX-License-Identifier: Apache-2.0
// The netmap: everything one node knows of the network (L1, pure values). Identity (who a peer is)
// and permission (what identities may do) are separate sections, see docs/architecture.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"

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
  bool operator==(const Peer&) const = default;
};

// One permission: which identities may reach this node. Ports and protocols come with the policy
// language; the table stays apart from the identities either way.
struct Rule {
  RuleId id;
  bool any_source = false;
  std::vector<NodeId> sources;
  bool operator==(const Rule&) const = default;
};

struct Netmap {
  MapVersion version;
  Self self;
  std::map<NodeId, Peer> peers;
  std::vector<Rule> rules;
  bool operator==(const Netmap&) const = default;
};

// A change that applies to exactly the map of version `from`.
struct Delta {
  MapVersion from;
  MapVersion to;
  std::optional<Self> self;
  std::vector<Peer> upserted;
  std::vector<NodeId> removed;
  std::optional<std::vector<Rule>> rules;
  bool operator==(const Delta&) const = default;
};

}  // namespace kernmesh::netmap
