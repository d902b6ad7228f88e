// SPDX-License-Identifier: Apache-2.0
// Digests of a netmap's sections (L1, pure). Agent and server compute the same, so that a resumed
// stream can tell that both sides mean the same map: a revision alone cannot say so.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "controller/core/netmap/netmap.h"

namespace kernmesh::netmap {

// Keyed BLAKE2b-256 (RFC 7693) of a canonical encoding; the key names the section and its format.
using Digest = std::array<std::uint8_t, 32>;

Digest self_digest(const Self& self);

// Every field except `online`, which is a hint and changes without the map changing.
Digest peer_digest(const Peer& peer);

// The exclusive or of all peer digests, so that one peer is added or taken out without looking at
// the others and no order matters. All zero for no peers. It guards against losing track of each
// other, not against forgery: the stream itself is authenticated.
Digest peers_digest(const std::map<NodeId, Peer>& peers);

// The exclusive or of all rule digests. A rule's place in the file is not part of it.
Digest rule_digest(const Rule& rule);
Digest rules_digest(const std::map<RuleId, Rule>& rules);

// A set's digest is the exclusive or of one for its prefixes and one for each member, so that who
// joins or leaves changes it without a look at the others; a section's is that of all its sets.
Digest member_digest(SetId set, NodeId member);
Digest set_prefixes_digest(SetId set, const std::vector<Prefix>& prefixes);
Digest set_digest(const SourceSet& set);
Digest sets_digest(const std::map<SetId, SourceSet>& sets);

Digest relays_digest(const Relays& relays);
Digest lock_digest(const LockStatements& statements);

struct SectionDigests {
  Digest self{};
  Digest peers{};
  Digest rules{};
  Digest sets{};
  Digest relays{};
  Digest lock{};
  bool operator==(const SectionDigests&) const = default;
};
// Of the map as the server sent it: who is left out counts.
SectionDigests section_digests(const Netmap& map);

// Bytewise exclusive or: adds a digest to a sum of digests or takes it out again.
Digest operator^(const Digest& a, const Digest& b);

}  // namespace kernmesh::netmap
