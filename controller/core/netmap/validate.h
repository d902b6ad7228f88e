// SPDX-License-Identifier: Apache-2.0
// What a netmap must satisfy before anything is built from it (L1, pure). The server is trusted for
// who exists, not for being free of mistakes: a map that would hijack our own address, the default
// route or a synthetic endpoint is refused whole, and the agent keeps the last good one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "controller/base/result.h"
#include "controller/core/netmap/netmap.h"

namespace kernmesh::netmap {

// A peer's synthetic endpoint is 240.0.0.0 + its node id; the last ids of that /8 stay free for the
// agent's own ends of the underlay and the broadcast address (docs/architecture.md).
inline constexpr std::uint64_t kLastNodeId = 16'777'213;

// Bounds on what a server may make an agent hold. The defaults are ten times the largest network
// that is tested (10,000 nodes), and DNS's label length for names (RFC 1035 section 2.3.4).
struct Limits {
  std::size_t peers = 100'000;
  std::size_t addresses_per_peer = 8;
  std::size_t endpoints_per_peer = 32;
  std::size_t rules = 100'000;
  std::size_t rule_parts = 1'000'000;  // sources, prefixes and services, over all rules
  std::size_t sets = 100'000;
  std::size_t set_parts = 4'000'000;  // members and prefixes, over all sets
  std::size_t name_bytes = 63;
  std::size_t user_name_bytes = 255;
  std::size_t overlay_prefixes = 16;
  std::size_t relays = 256;
  std::size_t endpoints_per_relay = 8;
  std::size_t endorsement_bytes = 512;  // core/lock/endorsement.h
  std::size_t lock_statements = 4'096;  // core/lock/history.h
  std::size_t lock_bytes = 1 << 20;
  int shortest_v4_overlay = 8;   // prefix length in bits
  int shortest_v6_overlay = 32;  // prefix length in bits
};

// This node's own keys, which no peer may have. A zero key is not compared.
struct OwnKeys {
  MachinePublicKey machine_key;
  NodePublicKey node_key;
  DiscoPublicKey disco_key;
};

// kInvalid for a value that no map may hold, kConflict for two facts that exclude each other,
// kExhausted for a bound that is passed. The message names the peer, the field and the value.
// Endpoints are only counted: they are the peers' and relays' own claims, and the nonsense of one
// must not cost a node its map (core/path and usable_endpoints() leave out what cannot be used).
// O(n log n) in the map's size.
Status validate(const Netmap& map, const OwnKeys& own, const Limits& limits);

// Those of the relay's endpoints at which it can be: what core/path would refuse as a peer's is
// left out, so that no map makes a node send to itself, its link or the mesh.
std::vector<Endpoint> usable_endpoints(const Relay& relay, const Self& self);

// The bounds alone, without looking at an element; validate() includes it.
Status check_sizes(const Netmap& map, const Limits& limits);

}  // namespace kernmesh::netmap
