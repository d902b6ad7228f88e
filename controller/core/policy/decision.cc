// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/decision.h"

#include <algorithm>

namespace kernmesh::policy {

bool opens(const CompiledRule& rule, const CompiledDestination& to, const Packet& packet) {
  bool open = false;
  for_each_service(rule, to, [&](const auto& protocols, const auto& ports) {
    if (!std::binary_search(protocols.begin(), protocols.end(), packet.protocol)) return;
    open = open || std::any_of(ports.begin(), ports.end(), [&](const PortRange& range) {
             return range == kAllPorts || (has_ports(packet.protocol) &&
                                           range.first <= packet.port && packet.port <= range.last);
           });
  });
  return open;
}

Decider::Decider(const Population& population) : population_(population) {
  population.everybody().for_each([&](NodeIndex node) {
    for (const auto& address : population.member(node).node.addresses) owners_[address] = node;
  });
}

NodeIndex Decider::owner_of(const IpAddress& address) const {
  const auto found = owners_.find(address);
  return found == owners_.end() ? Population::kNoNode : found->second;
}

bool Decider::in_set(std::uint32_t set, const IpAddress& address, NodeIndex owner) const {
  const SetValue& value = population_.set(set);
  return (owner != Population::kNoNode && value.members.contains(owner)) ||
         value.addresses.contains(address);
}

bool Decider::at_destination(const CompiledDestination& to, const Packet& packet, NodeIndex source,
                             NodeIndex destination) const {
  switch (to.kind) {
    case DestinationKind::kAny:
      return true;
    case DestinationKind::kInternet:
      return internet().contains(packet.destination);
    case DestinationKind::kSelf:
      return source != Population::kNoNode && destination != Population::kNoNode &&
             population_.own_nodes(destination).contains(source);
    case DestinationKind::kSet:
      return in_set(to.set, packet.destination, destination);
  }
  return false;
}

Decision Decider::decide(const Packet& packet) const {
  Decision decision;
  const NodeIndex source = owner_of(packet.source);
  const NodeIndex destination = owner_of(packet.destination);
  const auto& rules = population_.policy().rules;
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    const auto& rule = rules[i];
    if (rule.services.empty()) continue;
    NearMiss miss{i, false, false, false};
    miss.source = std::any_of(rule.sources.begin(), rule.sources.end(), [&](std::uint32_t set) {
      return in_set(set, packet.source, source);
    });
    bool open_anywhere = false;
    for (const auto& to : rule.destinations) {
      const bool open = opens(rule, to, packet);
      open_anywhere = open_anywhere || open;
      if (!at_destination(to, packet, source, destination)) continue;
      miss.destination = true;
      miss.service = miss.service || open;
    }
    if (miss.source && miss.destination && miss.service) {
      decision.rule = i;
      decision.near_misses.clear();
      return decision;
    }
    if (!miss.destination) miss.service = open_anywhere;
    if (miss.source + miss.destination + miss.service == 2) decision.near_misses.push_back(miss);
  }
  return decision;
}

}  // namespace kernmesh::policy
