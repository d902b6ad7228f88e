// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/policy_oracle.h"

#include <algorithm>

#include "tests/oracle/selector_reading.h"

namespace kernmesh::policy {
namespace {

bool is_open(const Service& service, const std::vector<PortRange>& ports, const Packet& packet) {
  const auto& protocols = service.protocols;
  if (std::find(protocols.begin(), protocols.end(), packet.protocol) == protocols.end()) {
    return false;
  }
  const bool counts_ports = packet.protocol == 6 || packet.protocol == 17 || packet.protocol == 132;
  for (const auto& range : ports) {
    if (range.first == 0 && range.last == 65535) return true;
    if (counts_ports && range.first <= packet.port && packet.port <= range.last) return true;
  }
  return false;
}

bool opens(const Rule& rule, const Destination& to, const Packet& packet) {
  return std::any_of(rule.services.begin(), rule.services.end(), [&](const Service& service) {
    return is_open(service, rule.origin == RuleOrigin::kAcl ? to.ports : service.ports, packet);
  });
}

// The rule that stands for no rule list at all. Like any rule it asks for the default posture.
Rule allow_everything() {
  Rule rule;
  rule.src.emplace_back();
  rule.dst.push_back({Selector{}, {{0, 65535}}});
  rule.services.push_back({{1, 6, 17, 58}, {}});
  return rule;
}

}  // namespace

Oracle::Oracle(const Document& document, const Inventory& inventory)
    : document_(document), overlay_(inventory.overlay) {
  for (const auto& node : inventory.nodes) {
    Host host;
    host.node = &node;
    for (const auto& user : inventory.users) {
      if (user.id == node.user && node.tags.empty()) host.user = &user;
    }
    approve(host);
    for (const auto& address : node.addresses) host.places.push_back(Prefix::host(address));
    for (const auto& subnet : host.subnets) host.places.push_back(subnet);
    hosts_.push_back(std::move(host));
  }
  for (const auto& rule : document.rules) read(rule);
  if (!document.has_rules_key) read(allow_everything());
}

const Oracle::Host& Oracle::host(NodeId id) const {
  return *std::find_if(hosts_.begin(), hosts_.end(),
                       [&](const Host& host) { return host.node->id == id; });
}

std::vector<Prefix> Oracle::approved(NodeId node) const {
  std::vector<Prefix> routes = host(node).subnets;
  routes.insert(routes.end(), host(node).exits.begin(), host(node).exits.end());
  std::sort(routes.begin(), routes.end());
  return routes;
}

void Oracle::read(const Rule& rule) {
  ReadRule read{rule, {}, {}, {}, false};
  for (const auto& selector : rule.src) read.src.push_back(source_region(selector));
  for (const auto& to : rule.dst) read.dst.push_back(region_of(to.selector));
  const auto& postures = rule.src_posture ? *rule.src_posture : document_.default_src_posture;
  read.has_postures = !postures.empty();
  for (const auto& host : hosts_) {
    if (!read.has_postures || !passes(postures, host)) continue;
    for (const auto& address : host.node->addresses) read.passing.add(Prefix::host(address));
  }
  rules_.push_back(std::move(read));
}

// The destinations by which rules are delivered to the receiver.
std::vector<Oracle::Way> Oracle::ways_to(const Host& receiver) const {
  std::vector<Way> ways;
  for (const auto& read : rules_) {
    for (std::size_t i = 0; i < read.rule.dst.size(); ++i) {
      const Way way{&read, i, !read.rule.services.empty()};
      if (exists_at(way, receiver)) ways.push_back(way);
    }
  }
  return ways;
}

bool Oracle::exists_at(const Way& way, const Host& receiver) const {
  const Rule& rule = way.read->rule;
  const auto& tags = receiver.node->tags;
  const bool steers = !rule.via.empty();
  // "app" is ignored with "via".
  if (!way.is_network && (rule.app.empty() || steers)) return false;
  if (steers && std::none_of(rule.via.begin(), rule.via.end(), [&](const Selector& via) {
        return std::find(tags.begin(), tags.end(), via.name) != tags.end();
      })) {
    return false;
  }
  if (is_internet(way.to())) return !receiver.exits.empty();
  if (is_any(way.to())) return !steers || !receiver.subnets.empty() || !receiver.exits.empty();
  if (is_self(way.to())) return receiver.user != nullptr;
  return way.region().overlaps_any(steers ? receiver.subnets : receiver.places);
}

bool Oracle::admits_source(const Way& way, const Host& receiver, const IpAddress& address) const {
  return has_source_in(way, receiver, Prefix::host(address));
}

// Whether some address of the place is a source for the receiver.
bool Oracle::has_source_in(const Way& way, const Host& receiver, const Prefix& place) const {
  const ReadRule& read = *way.read;
  const auto is_meant = [&](const IpAddress& address) {
    return std::any_of(read.src.begin(), read.src.end(),
                       [&](const Region& region) { return region.contains(address); });
  };
  if (!is_self(way.to()) && !read.has_postures) {
    return std::any_of(read.src.begin(), read.src.end(),
                       [&](const Region& region) { return region.overlaps(place); });
  }
  // Then only nodes are sources.
  for (const auto& host : hosts_) {
    if (is_self(way.to()) && (host.user == nullptr || host.user != receiver.user)) continue;
    for (const auto& address : host.node->addresses) {
      if (read.has_postures && !read.passing.contains(address)) continue;
      if (place.contains(address) && is_meant(address)) return true;
    }
  }
  return false;
}

// By its own addresses or its subnets; "self" is about nodes alone.
bool Oracle::is_source(const Way& way, const Host& receiver, const Host& source) const {
  if (is_self(way.to())) {
    const auto& own = source.node->addresses;
    return source.user == receiver.user &&
           std::any_of(own.begin(), own.end(), [&](const IpAddress& address) {
             return admits_source(way, receiver, address);
           });
  }
  return std::any_of(source.places.begin(), source.places.end(),
                     [&](const Prefix& place) { return has_source_in(way, receiver, place); });
}

// Whether the destination, as far as it is delivered to the receiver, holds the address.
bool Oracle::delivers(const Way& way, const Host& receiver, const IpAddress& address) const {
  if (is_any(way.to())) return true;
  if (is_self(way.to())) {
    const auto& own = receiver.node->addresses;
    return std::find(own.begin(), own.end(), address) != own.end();
  }
  if (!way.region().contains(address)) return false;
  if (is_internet(way.to())) return true;
  // An entry is delivered whole or not at all: a node's address, a CIDR, a block of an ipset.
  Prefix entry = Prefix::host(address);
  const Selector& to = way.to();
  if (to.kind == SelectorKind::kPrefix) entry = to.prefix;
  if (to.kind == SelectorKind::kHost) entry = document_.hosts.at(to.name).prefix;
  if (to.kind == SelectorKind::kIpSet) entry = way.region().largest_around(address);
  const auto& served = way.read->rule.via.empty() ? receiver.places : receiver.subnets;
  return std::any_of(served.begin(), served.end(),
                     [&](const Prefix& place) { return place.overlaps(entry); });
}

std::vector<std::uint32_t> Oracle::judge(NodeId receiver, const Packet& packet) const {
  const Host& at = host(receiver);
  std::vector<std::uint32_t> lines;
  for (const auto& way : ways_to(at)) {
    const Rule& rule = way.read->rule;
    if (!opens(rule, rule.dst[way.destination], packet)) continue;
    if (!delivers(way, at, packet.destination) || !admits_source(way, at, packet.source)) continue;
    if (lines.empty() || lines.back() != rule.at.line) lines.push_back(rule.at.line);
  }
  return lines;
}

std::vector<std::string> Oracle::capabilities(NodeId receiver, const IpAddress& source) const {
  const Host& at = host(receiver);
  std::vector<std::string> names;
  for (const auto& way : ways_to(at)) {
    const Rule& rule = way.read->rule;
    if (!rule.via.empty() || rule.app.empty()) continue;
    // Capabilities are given at own addresses, so that a router of the destination gives none.
    const auto& own = at.node->addresses;
    const bool is_destination = std::any_of(own.begin(), own.end(), [&](const IpAddress& address) {
      return is_any(way.to()) || is_self(way.to()) || way.region().contains(address);
    });
    if (!is_destination || !admits_source(way, at, source)) continue;
    for (const auto& capability : rule.app) names.push_back(capability.name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool Oracle::reaches(const Host& source, const Host& receiver) const {
  const auto ways = ways_to(receiver);
  return std::any_of(ways.begin(), ways.end(),
                     [&](const Way& way) { return is_source(way, receiver, source); });
}

bool Oracle::sees(NodeId viewer, NodeId peer) const {
  if (viewer == peer) return false;
  return reaches(host(viewer), host(peer)) || reaches(host(peer), host(viewer));
}

bool Oracle::leads_to(const Way& way, const Prefix& route) {
  return is_any(way.to()) || way.region().overlaps(route);
}

bool Oracle::wants(const Host& viewer, const Host& peer, const Prefix& route) const {
  if (std::find(viewer.subnets.begin(), viewer.subnets.end(), route) != viewer.subnets.end()) {
    return true;
  }
  for (const auto& way : ways_to(peer)) {
    if (way.is_network && leads_to(way, route) && is_source(way, peer, viewer)) {
      return true;
    }
  }
  for (const auto& way : ways_to(viewer)) {
    if (way.is_network && !is_self(way.to()) && has_source_in(way, viewer, route)) return true;
  }
  return false;
}

bool Oracle::wants_exit(const Host& viewer, const Host& peer) const {
  for (const auto& way : ways_to(peer)) {
    if (!is_any(way.to()) && !is_internet(way.to())) continue;
    if (way.is_network && is_source(way, peer, viewer)) return true;
  }
  return false;
}

std::vector<Prefix> Oracle::routes(NodeId viewer, NodeId peer) const {
  const Host& from = host(viewer);
  const Host& at = host(peer);
  std::vector<Prefix> routes;
  if (!sees(viewer, peer)) return routes;
  for (const auto& subnet : at.subnets) {
    if (!wants(from, at, subnet)) continue;
    // Of several routers the one with the lowest id carries it.
    const bool is_carried_elsewhere =
        std::any_of(hosts_.begin(), hosts_.end(), [&](const Host& other) {
          return other.node->id < peer && sees(viewer, other.node->id) &&
                 std::find(other.subnets.begin(), other.subnets.end(), subnet) !=
                     other.subnets.end() &&
                 wants(from, other, subnet);
        });
    if (!is_carried_elsewhere) routes.push_back(subnet);
  }
  if (wants_exit(from, at)) routes.insert(routes.end(), at.exits.begin(), at.exits.end());
  std::sort(routes.begin(), routes.end());
  return routes;
}

}  // namespace kernmesh::policy
