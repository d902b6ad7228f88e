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
      add_targets(part.targets, rule, destination);
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
    SliceRule part{rule.id, reach_.policy().revision, rule.at.line, {}, {}, {}, {}};
    part.ssh = rule.ssh;
    if (rule.via.empty()) {
      for (const auto& app : rule.app) part.capabilities.push_back({app.name, app.values_json});
    }
    return part;
  }

  void finish(SliceRule rule) {
    std::sort(rule.sources.begin(), rule.sources.end());
    slice_.rules.push_back(std::move(rule));
  }

  void add_targets(std::vector<Target>& targets, const CompiledRule& rule,
                   const CompiledDestination& destination) const {
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
        add_set_targets(targets, std::move(target), rule, destination.set);
        return;
    }
    targets.push_back(std::move(target));
  }

  // A member may besides route the addresses of others.
  void add_set_targets(std::vector<Target>& targets, Target target, const CompiledRule& rule,
                       std::uint32_t set) const {
    const SetValue& value = population_.set(set);
    const bool own = rule.via.empty() && value.members.contains(node_);
    if (own) targets.push_back(target);
    target.kind = TargetKind::kPrefixes;
    target.prefixes = met_by_node(value, rule.via.empty() ? Place::kServed : Place::kRouted);
    if (!own || !target.prefixes.empty()) targets.push_back(std::move(target));
  }

  bool routes(const Prefix& prefix) const {
    const auto& own = population_.member(node_).subnet_routes;
    return std::any_of(own.begin(), own.end(),
                       [&](const Prefix& route) { return prefix.overlaps(route); });
  }

  bool serves(const Prefix& prefix) const {
    const auto& own = population_.member(node_).node.addresses;
    return std::any_of(own.begin(), own.end(),
                       [&](const IpAddress& address) { return prefix.contains(address); }) ||
           routes(prefix);
  }

  // Where addresses lie for the node: at it or behind it; a rule with "via" is about what is
  // behind.
  enum class Place { kServed, kRouted };

  // What of the set's addresses lies there, and what of its members' behind it; each prefix whole.
  std::vector<Prefix> met_by_node(const SetValue& set, Place place) const {
    std::vector<Prefix> met;
    for (const auto& prefix : set.addresses.prefixes()) {
      if (place == Place::kServed ? serves(prefix) : routes(prefix)) met.push_back(prefix);
    }
    if (!population_.routes_overlay(node_)) return met;
    set.members.for_each([&](NodeIndex other) {
      for (const auto& address : population_.member(other).node.addresses) {
        if (routes(Prefix::host(address))) met.push_back(Prefix::host(address));
      }
    });
    // By index they would depend on the order in which nodes came.
    std::sort(met.begin(), met.end());
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
    SourceSet set{id, {}, {}};
    population_.own_nodes(node_).for_each([&](NodeIndex other) {
      if (population_.holds(index, other)) set.members.push_back(population_.member(other).node.id);
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

bool reaches_route(const Reach& reach, const CompiledRule& rule, const Prefix& route,
                   NodeIndex router) {
  if (!rule.via.empty() && !reach.has_via_tag(rule, router)) return false;
  return std::any_of(rule.destinations.begin(), rule.destinations.end(), [&](const auto& to) {
    if (to.kind == DestinationKind::kAny) return true;
    if (is_exit_route(route)) return to.kind == DestinationKind::kInternet;
    if (to.kind == DestinationKind::kInternet) {
      return reach.receives(rule, to, router) && internet().overlaps(route);
    }
    return to.kind == DestinationKind::kSet && reach.population().meets(to.set, route);
  });
}

bool comes_from_route(const Reach& reach, const CompiledRule& rule, const Prefix& route) {
  return std::any_of(rule.sources.begin(), rule.sources.end(),
                     [&](std::uint32_t set) { return reach.population().meets(set, route); });
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
