// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/slice_verdict.h"

#include <algorithm>

namespace kernmesh::policy {
namespace {

bool covers(const std::vector<Prefix>& prefixes, const IpAddress& address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Prefix& prefix) { return prefix.contains(address); });
}

bool is_source(const SliceRule& rule, const Slice& slice, const NodeAddresses& addresses,
               const IpAddress& address) {
  return std::any_of(rule.sources.begin(), rule.sources.end(), [&](SetId id) {
    const auto set =
        std::lower_bound(slice.sets.begin(), slice.sets.end(), id,
                         [](const SourceSet& known, SetId wanted) { return known.id < wanted; });
    return set != slice.sets.end() && set->id == id && contains(*set, addresses, address);
  });
}

}  // namespace

bool holds(const Target& target, const std::vector<IpAddress>& own, const IpAddress& address) {
  switch (target.kind) {
    case TargetKind::kAny:
      return true;
    case TargetKind::kPrefixes:
      return covers(target.prefixes, address);
    case TargetKind::kOwnAddresses:
      return std::find(own.begin(), own.end(), address) != own.end();
  }
  return false;
}

bool contains(const SourceSet& set, const NodeAddresses& addresses, const IpAddress& address) {
  if (covers(set.prefixes, address)) return true;
  return std::any_of(set.members.begin(), set.members.end(), [&](NodeId member) {
    const auto found = addresses.find(member);
    return found != addresses.end() &&
           std::find(found->second.begin(), found->second.end(), address) != found->second.end();
  });
}

bool opens(const Service& service, std::uint8_t protocol, std::uint16_t port) {
  if (!std::binary_search(service.protocols.begin(), service.protocols.end(), protocol)) {
    return false;
  }
  return std::any_of(service.ports.begin(), service.ports.end(), [&](const PortRange& range) {
    return range == kAllPorts || (has_ports(protocol) && range.first <= port && port <= range.last);
  });
}

std::vector<const Capability*> capabilities_of(const Slice& slice, const NodeAddresses& addresses,
                                               const std::vector<IpAddress>& own,
                                               const IpAddress& source) {
  std::vector<const Capability*> capabilities;
  for (const auto& rule : slice.rules) {
    if (rule.capabilities.empty()) continue;
    const bool is_here = std::any_of(rule.targets.begin(), rule.targets.end(), [&](const auto& to) {
      return std::any_of(own.begin(), own.end(),
                         [&](const IpAddress& address) { return holds(to, own, address); });
    });
    if (!is_here || !is_source(rule, slice, addresses, source)) continue;
    for (const auto& capability : rule.capabilities) capabilities.push_back(&capability);
  }
  return capabilities;
}

const SliceRule* judge(const Slice& slice, const NodeAddresses& addresses,
                       const std::vector<IpAddress>& own, const Packet& packet) {
  for (const auto& rule : slice.rules) {
    const bool open = std::any_of(rule.targets.begin(), rule.targets.end(), [&](const auto& to) {
      return holds(to, own, packet.destination) &&
             std::any_of(to.services.begin(), to.services.end(), [&](const Service& service) {
               return opens(service, packet.protocol, packet.port);
             });
    });
    if (open && is_source(rule, slice, addresses, packet.source)) return &rule;
  }
  return nullptr;
}

}  // namespace kernmesh::policy
