// SPDX-License-Identifier: Apache-2.0
// What an image must say of a packet, found by asking everything in turn, and slices of random
// policies to ask about.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "controller/core/policy/slice_verdict.h"
#include "tests/oracle/random_policy.h"
#include "tests/unit/core/maplayout/sample_slice.h"
#include "tests/unit/core/policy/compiled_network.h"

namespace kernmesh::maplayout {

// Nothing may come from there or go there, whatever is routed.
inline bool is_special(const IpAddress& address) {
  if (address.is_v4()) {
    const std::uint32_t number = address.to_v4_number();
    if (number >> 24 == 0 || number == 0xffffffff || address.is_multicast()) return true;
  }
  return address.is_unspecified() || address.is_loopback() || address.is_link_local() ||
         address.is_multicast() || (address.is_v4() && address.bytes()[0] == 127);
}

// A slice with the map of its nodes' addresses, which policy::judge() asks.
struct RandomSlice {
  SampleSlice sample;

  // The node's slice of a network whose other nodes are all its peers, with all that is approved of
  // their routes.
  static RandomSlice of(const policy::CompiledNetwork& network, NodeId id) {
    RandomSlice random{SampleSlice(network.slice(id))};
    for (const auto& node : network.inventory.nodes) {
      const auto& member = network.population.member(network.index(node.id));
      auto routes = member.subnet_routes;
      routes.insert(routes.end(), member.exit_routes.begin(), member.exit_routes.end());
      if (node.id == id) {
        random.sample.own = node.addresses;
        random.sample.served = std::move(routes);
      } else {
        random.sample.peers[node.id] = {node.addresses, std::move(routes)};
      }
    }
    return random;
  }

  policy::Slice slice() const {
    policy::Slice slice;
    for (const auto& [id, rule] : sample.rules) slice.rules.push_back(rule);
    for (const auto& [id, set] : sample.sets) slice.sets.push_back(set);
    return slice;
  }
  policy::NodeAddresses addresses() const {
    policy::NodeAddresses addresses;
    for (const auto& [id, peer] : sample.peers) addresses[id] = peer.addresses;
    return addresses;
  }

  bool is_own(const IpAddress& address) const {
    return std::find(sample.own.begin(), sample.own.end(), address) != sample.own.end();
  }

  NodeId holder(const IpAddress& source) const {
    if (is_special(source) || is_own(source)) return {};
    NodeId found;
    int longest = -1;
    for (const auto& [id, peer] : sample.peers) {
      for (const auto& own : peer.addresses) {
        if (own == source) return id;
      }
      for (const auto& route : peer.routes) {
        if (!route.contains(source) || route.length() <= longest) continue;
        found = id;
        longest = route.length();
      }
    }
    return found;
  }

  bool is_ours(const IpAddress& destination) const {
    if (is_own(destination)) return true;
    return !is_special(destination) &&
           std::any_of(sample.served.begin(), sample.served.end(),
                       [&](const Prefix& prefix) { return prefix.contains(destination); });
  }
};

// Asks a slice many questions.
class SliceReader {
 public:
  explicit SliceReader(const RandomSlice& random)
      : random_(random), slice_(random.slice()), addresses_(random.addresses()) {}

  AclVerdict judge(const policy::Packet& packet) const {
    const NodeId node = random_.holder(packet.source);
    if (node == NodeId()) return {AclOutcome::kUnknownSource, {}, 0, {}};
    if (!random_.is_ours(packet.destination)) return {AclOutcome::kNotOurs, node, 0, {}};
    const auto* const rule = policy::judge(slice_, addresses_, random_.sample.own, packet);
    if (rule == nullptr) return {AclOutcome::kDenied, node, 0, {}};
    return {AclOutcome::kAllowed,
            node,
            0,
            {rule->id, rule->line, PolicyRevision(rule->policy_revision)}};
  }

 private:
  const RandomSlice& random_;
  policy::Slice slice_;
  policy::NodeAddresses addresses_;
};

// Near what the network and the policies name; every other one from a node, and to the node itself.
inline policy::Packet packet_to(const policy::Choice& choice, const policy::Inventory& inventory,
                                const RandomSlice& random) {
  policy::Packet packet = policy::random_packet(choice, inventory);
  const IpAddress& source = choice.of(choice.of(inventory.nodes).addresses);
  const IpAddress& own = choice.of(random.sample.own);
  if (choice.below(2) == 0 && own.family() == packet.source.family()) packet.destination = own;
  if (choice.below(2) == 0 && source.family() == packet.destination.family()) {
    packet.source = source;
  }
  return packet;
}

inline bool is_same(const AclVerdict& a, const AclVerdict& b) {
  return a.outcome == b.outcome && a.node == b.node && a.rule.id == b.rule.id &&
         a.rule.line == b.rule.line && a.rule.policy_revision == b.rule.policy_revision;
}

}  // namespace kernmesh::maplayout
