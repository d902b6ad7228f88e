// SPDX-License-Identifier: Apache-2.0
// What a node's slice says of one packet that arrives there (L1, pure): the meaning of a slice, for
// explaining a verdict and for holding the data plane's tables against.
#pragma once

#include <unordered_map>
#include <vector>

#include "controller/core/policy/packet.h"
#include "controller/core/policy/slice.h"

namespace kernmesh::policy {

using NodeAddresses = std::unordered_map<NodeId, std::vector<IpAddress>>;

// Of the rules that admit the packet the one with the lowest id; null: denied. Borrowed from the
// slice.
// `addresses` are those of the nodes that the slice's sets name; a node without an entry has none.
// `own` are the overlay addresses of the slice's node. Whether the node serves the destination at
// all is not asked: a packet to an address that is neither its own nor routed is dropped before.
const SliceRule* judge(const Slice& slice, const NodeAddresses& addresses,
                       const std::vector<IpAddress>& own, const Packet& packet);

// What `source` may do at the slice's node, in the order of the rules: capabilities of the rules
// that have it as a source and one of the node's own addresses in a target. Borrowed from the
// slice.
std::vector<const Capability*> capabilities_of(const Slice& slice, const NodeAddresses& addresses,
                                               const std::vector<IpAddress>& own,
                                               const IpAddress& source);

// Whether the address is in the set: a member's, or in one of its prefixes.
bool contains(const SourceSet& set, const NodeAddresses& addresses, const IpAddress& address);

// Whether the address is one that the target means, at a node with these own addresses. kAny means
// all: whether the node serves the address is not asked.
bool holds(const Target& target, const std::vector<IpAddress>& own, const IpAddress& address);

// Whether a service opens the protocol and port. Protocols without ports are open only where all
// ports are.
bool opens(const Service& service, std::uint8_t protocol, std::uint16_t port);

}  // namespace kernmesh::policy
