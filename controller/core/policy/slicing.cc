// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/slicing.h"

#include <algorithm>
#include <map>

namespace kernmesh::policy {
namespace {

class Slicer {
 public:
  Slicer(const Reach& reach, NodeIndex node)
      : reach_(reach), population_(reach.population()), node_(node) {}

  Slice run() {
    for (const auto i : reach_.delivered(node_)) add(reach_.policy().rules[i]);
    std::sort(slice_.rules.begin(), slice_.rules.end(),
              [](const SliceRule& a, const SliceRule& b) { return a.id < b.id; });
    for (auto& [id, set] : sets_) slice_.sets.push_back(std::move(set));
    return std::move(slice_);
  }

 private:
  void add(const CompiledRule& rule) {
    SliceRule plain = start(rule), own = start(rule);
    own.id = rule.self_id;
    for (const auto& destination : rule.destinations) {
      if (!reach_.receives(rule, destination, node_)) continue;
      auto& part = destination.kind == DestinationKind::kSelf ? own : plain;
      part.targets.push_back(target_of(rule, destination));
    }
    if (!plain.targets.empty()) {
      for (const auto set : rule.sources) plain.sources.push_back(name_set(set));
      finish(std::move(plain));
    }
    if (!own.targets.empty()) {
      for (const auto set : rule.sources) own.sources.push_back(name_own_set(set));
      finish(std::move(own));
    }
  }

  SliceRule start(const CompiledRule& rule) const {
    SliceRule part{rule.id, reach_.policy().revision, rule.at.line, {}, {}, {}};
    if (rule.via.empty()) {
      for (const auto& app : rule.app) part.capabilities.push_back({app.name, app.values_json});
    }
    return part;
  }

  void finish(SliceRule rule) {
    std::sort(rule.sources.begin(), rule.sources.end());
    slice_.rules.push_back(std::move(rule));
  }

  Target target_of(const CompiledRule& rule, const CompiledDestination& destination) const {
    Target target;
    for_each_service(rule, destination, [&](const auto& protocols, const auto& ports) {
      target.services.push_back({protocols, ports});
    });
    switch (destination.kind) {
      case DestinationKind::kAny:
        target.kind = TargetKind::kAny;
        break;
      case DestinationKind::kSelf:
        break;
      case DestinationKind::kInternet:
        target.kind = TargetKind::kPrefixes;
        target.prefixes = internet().prefixes();
        break;
      case DestinationKind::kSet:
        if (rule.via.empty() && population_.set(destination.set).members.contains(node_)) break;
        target.kind = TargetKind::kPrefixes;
        target.prefixes = met_by_node(population_.set(destination.set));
        break;
    }
    return target;
  }

  bool serves(const Prefix& prefix) const {
    const Member& member = population_.member(node_);
    return std::any_of(member.node.addresses.begin(), member.node.addresses.end(),
                       [&](const IpAddress& own) { return prefix.contains(own); }) ||
           std::any_of(member.subnet_routes.begin(), member.subnet_routes.end(),
                       [&](const Prefix& route) { return prefix.overlaps(route); });
  }

  // What of the set's addresses lies at the node or behind it; each prefix whole.
  std::vector<Prefix> met_by_node(const SetValue& set) const {
    std::vector<Prefix> met;
    for (const auto& prefix : set.addresses.prefixes()) {
      if (serves(prefix)) met.push_back(prefix);
    }
    set.members.for_each([&](NodeIndex other) {
      for (const auto& address : population_.member(other).node.addresses) {
        if (serves(Prefix::host(address))) met.push_back(Prefix::host(address));
      }
    });
    return met;
  }

  SetId name_set(std::uint32_t index) {
    const SetId id = reach_.policy().sets[index].id;
    if (sets_.contains(id)) return id;
    sets_.emplace(id, source_set(population_, index));
    return id;
  }

  SetId name_own_set(std::uint32_t index) {
    const auto& definition = reach_.policy().sets[index];
    const SetId id = own_set_id(definition, population_.user_of(node_)->id);
    if (sets_.contains(id)) return id;
    const SetValue& value = population_.set(index);
    SourceSet set{id, {}, {}};
    population_.own_nodes(node_).for_each([&](NodeIndex other) {
      if (value.touches(other)) set.members.push_back(population_.member(other).node.id);
    });
    std::sort(set.members.begin(), set.members.end());
    sets_.emplace(id, std::move(set));
    return id;
  }

  const Reach& reach_;
  const Population& population_;
  NodeIndex node_;
  Slice slice_;
  std::map<SetId, SourceSet> sets_;
};

// Whether addresses of the set lie in the route.
bool lies_in(const Population& population, std::uint32_t index, const Prefix& route) {
  const SetValue& set = population.set(index);
  if (set.addresses.overlaps(route)) return true;
  bool found = false;
  set.members.for_each([&](NodeIndex node) {
    for (const auto& address : population.member(node).node.addresses) {
      found = found || route.contains(address);
    }
  });
  return found;
}

bool reaches_route(const Reach& reach, const CompiledRule& rule, const Prefix& route,
                   NodeIndex router) {
  if (!rule.via.empty() && !reach.has_via_tag(rule, router)) return false;
  return std::any_of(rule.destinations.begin(), rule.destinations.end(), [&](const auto& to) {
    if (to.kind == DestinationKind::kAny) return true;
    if (is_exit_route(route)) return to.kind == DestinationKind::kInternet;
    return to.kind == DestinationKind::kSet && lies_in(reach.population(), to.set, route);
  });
}

bool comes_from_route(const Reach& reach, const CompiledRule& rule, const Prefix& route) {
  return std::any_of(rule.sources.begin(), rule.sources.end(),
                     [&](std::uint32_t set) { return lies_in(reach.population(), set, route); });
}

// Whether a rule, in one direction or the other, is about the route and the viewer.
bool is_shown(const Reach& reach, const Prefix& route, NodeIndex router, NodeIndex viewer) {
  const auto& own = reach.population().member(viewer).subnet_routes;
  if (std::find(own.begin(), own.end(), route) != own.end()) return true;
  for (const auto i : reach.concerned(viewer)) {
    const auto& rule = reach.policy().rules[i];
    if (rule.services.empty()) continue;
    if (reach.is_source(rule, viewer) && reaches_route(reach, rule, route, router)) return true;
    if (is_exit_route(route)) continue;
    const bool delivered = std::any_of(rule.destinations.begin(), rule.destinations.end(),
                                       [&](const auto& destination) {
                                         return destination.kind != DestinationKind::kSelf &&
                                                reach.receives(rule, destination, viewer);
                                       });
    if (delivered && comes_from_route(reach, rule, route)) return true;
  }
  return false;
}

bool carries(const Reach& reach, const Prefix& route, NodeIndex peer, NodeIndex viewer,
             const NodeSet& peers) {
  for (const auto& [id, router] : reach.population().routers()) {
    if (router == peer) return true;  // nobody before it
    const auto& routes = reach.population().member(router).subnet_routes;
    if (peers.contains(router) && std::find(routes.begin(), routes.end(), route) != routes.end() &&
        is_shown(reach, route, router, viewer)) {
      return false;
    }
  }
  return true;
}

}  // namespace

Slice slice_for(const Reach& reach, NodeIndex node) { return Slicer(reach, node).run(); }

SourceSet source_set(const Population& population, std::uint32_t set) {
  const SetValue& value = population.set(set);
  SourceSet told{population.policy().sets[set].id, {}, value.addresses.prefixes()};
  value.members.for_each(
      [&](NodeIndex node) { told.members.push_back(population.member(node).node.id); });
  std::sort(told.members.begin(), told.members.end());
  return told;
}

SetId own_set_id(const SetDefinition& set, UserId user) {
  return SetId(set_id_hash(set.name + " of user " + to_string(user)));
}

std::vector<Prefix> routes_for(const Reach& reach, NodeIndex peer, NodeIndex viewer,
                               const NodeSet& peers) {
  const Member& member = reach.population().member(peer);
  std::vector<Prefix> shown;
  for (const auto& route : member.subnet_routes) {
    if (is_shown(reach, route, peer, viewer) && carries(reach, route, peer, viewer, peers)) {
      shown.push_back(route);
    }
  }
  for (const auto& route : member.exit_routes) {
    if (is_shown(reach, route, peer, viewer)) shown.push_back(route);
  }
  return shown;
}

}  // namespace kernmesh::policy
