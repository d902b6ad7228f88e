// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/rule_words.h"

#include <algorithm>
#include <optional>
#include <set>

#include "controller/core/policy/any_source.h"
#include "controller/core/policy/slice_verdict.h"

namespace kernmesh::netmap {
namespace {

using policy::Service;
using policy::Target;
using policy::TargetKind;

bool covers(const std::vector<Prefix>& prefixes, const IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Prefix& prefix) { return prefix.contains(address); });
}

bool opens_ports(const Rule& rule) {
  return std::any_of(rule.targets.begin(), rule.targets.end(),
                     [](const Target& target) { return !target.services.empty(); });
}

bool has_source(const Netmap& map, const Rule& rule, const Peer* owner, const IpAddress& address) {
  return std::any_of(rule.sources.begin(), rule.sources.end(), [&](SetId id) {
    const auto set = map.sets.find(id);
    if (set == map.sets.end()) return false;
    const auto& members = set->second.members;
    return covers(set->second.prefixes, address) ||
           (owner != nullptr && std::binary_search(members.begin(), members.end(), owner->id));
  });
}

bool opens_there(const Netmap& map, const Rule& rule, const policy::Packet& packet) {
  return std::any_of(rule.targets.begin(), rule.targets.end(), [&](const Target& target) {
    return policy::holds(target, map.self.addresses, packet.destination) &&
           std::any_of(target.services.begin(), target.services.end(), [&](const Service& service) {
             return policy::opens(service, packet.protocol, packet.port);
           });
  });
}

void add_once(std::vector<std::string>& texts, std::string text) {
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(std::move(text));
}

std::string name_of(const Netmap& map, NodeId id) {
  if (id == map.self.id) return map.self.name;
  const auto peer = map.peers.find(id);
  return peer == map.peers.end() ? "node " + to_string(id) : peer->second.name;
}

// A set that holds every overlay address is what the policy calls "*"; with it go the routes that
// are approved just now.
bool is_any(const Netmap& map, const policy::SourceSet& set) {
  auto missing = policy::any_of(map.self.overlay_prefixes);
  if (missing.empty()) return false;
  missing.remove(policy::AddressSet(set.prefixes));
  return missing.empty();
}

void tell_sources(const Netmap& map, const Rule& rule, std::size_t most, RuleWords& words) {
  std::set<NodeId> members;
  std::set<Prefix> prefixes;
  for (const SetId id : rule.sources) {
    const auto set = map.sets.find(id);
    if (set == map.sets.end()) continue;
    if (is_any(map, set->second)) {
      add_once(words.sources, "*");
      continue;
    }
    members.insert(set->second.members.begin(), set->second.members.end());
    prefixes.insert(set->second.prefixes.begin(), set->second.prefixes.end());
  }
  words.source_count =
      static_cast<std::uint32_t>(words.sources.size() + members.size() + prefixes.size());
  for (const NodeId id : members) {
    if (words.sources.size() >= most) return;
    words.sources.push_back(name_of(map, id));
  }
  for (const Prefix& prefix : prefixes) {
    if (words.sources.size() == most) return;
    words.sources.push_back(to_string(prefix));
  }
}

void tell_destinations(const Target& target, RuleWords& words) {
  switch (target.kind) {
    case TargetKind::kOwnAddresses:
      add_once(words.destinations, "this node");
      return;
    case TargetKind::kAny:
      add_once(words.destinations, "this node and what is behind it");
      return;
    case TargetKind::kPrefixes:
      for (const Prefix& prefix : target.prefixes) add_once(words.destinations, to_string(prefix));
      return;
  }
}

void tell_services(const Service& service, RuleWords& words) {
  const bool all = service.ports == std::vector{policy::kAllPorts};
  if (all && service.protocols == policy::default_protocols()) {
    add_once(words.services, "*");
    return;
  }
  for (const std::uint8_t protocol : service.protocols) {
    const std::string name = policy::protocol_name(protocol);
    if (policy::has_ports(protocol)) {
      add_once(words.services, name + "/" + to_string(service.ports));
    } else if (policy::opens(service, protocol, 0)) {
      add_once(words.services, name);
    }
  }
}

}  // namespace

RuleWords words_of(const Netmap& map, const Rule& rule, std::size_t most_sources) {
  RuleWords words;
  tell_sources(map, rule, most_sources, words);
  for (const Target& target : rule.targets) {
    if (target.services.empty()) continue;
    tell_destinations(target, words);
    for (const Service& service : target.services) tell_services(service, words);
  }
  return words;
}

NearRules near_rules(const Netmap& map, const policy::Packet& packet) {
  NearRules near;
  const Peer* owner = owner_of(map, packet.source);
  for (const auto& [id, rule] : map.rules) {
    if (!opens_ports(rule)) continue;
    if (has_source(map, rule, owner, packet.source)) near.from_source.push_back(&rule);
    if (opens_there(map, rule, packet)) near.to_destination.push_back(&rule);
  }
  return near;
}

const Peer* owner_of(const Netmap& map, const IpAddress& address) {
  for (const auto& [id, peer] : map.peers) {
    if (std::find(peer.addresses.begin(), peer.addresses.end(), address) != peer.addresses.end())
      return &peer;
  }
  return nullptr;
}

}  // namespace kernmesh::netmap
