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

// In the given order: rules are a list.
Digest rules_digest(const std::vector<Rule>& rules);

struct SectionDigests {
  Digest self{};
  Digest peers{};
  Digest rules{};
  bool operator==(const SectionDigests&) const = default;
};
SectionDigests section_digests(const Netmap& map);

// Bytewise exclusive or: adds a digest to a sum of digests or takes it out again.
Digest operator^(const Digest& a, const Digest& b);

}  // namespace kernmesh::netmap
