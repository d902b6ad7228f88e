// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/reach.h"

#include <algorithm>

#include "controller/core/policy/sorted.h"

namespace kernmesh::policy {
namespace {

// A rule without services and without capabilities grants nothing to anybody.
bool grants_something(const CompiledRule& rule) {
  return !rule.services.empty() || (!rule.app.empty() && rule.via.empty()) || rule.ssh;
}

}  // namespace

Reach::Reach(const Population& population)
    : population_(population),
      by_source_(policy().sets.size()),
      by_destination_(policy().sets.size()) {
  for (std::uint32_t i = 0; i < policy().rules.size(); ++i) {
    const auto& rule = policy().rules[i];
    if (!grants_something(rule)) continue;
    for (const auto set : rule.sources) by_source_[set].push_back(i);
    for (const auto& destination : rule.destinations) {
      switch (destination.kind) {
        case DestinationKind::kAny:
          to_any_.push_back(i);
          break;
        case DestinationKind::kInternet:
          to_internet_.push_back(i);
          break;
        case DestinationKind::kSelf:
          to_self_.push_back(i);
          self_sources_.insert(self_sources_.end(), rule.sources.begin(), rule.sources.end());
          break;
        case DestinationKind::kSet:
          by_destination_[destination.set].push_back(i);
          break;
      }
    }
  }
  for (auto* list : {&to_any_, &to_internet_, &to_self_, &self_sources_}) sort_unique(*list);
}

bool Reach::has_via_tag(const CompiledRule& rule, NodeIndex node) const {
  const auto& tags = population_.member(node).node.tags;
  return std::any_of(rule.via.begin(), rule.via.end(), [&](const std::string& tag) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  });
}

bool Reach::is_source(const CompiledRule& rule, NodeIndex node) const {
  return std::any_of(rule.sources.begin(), rule.sources.end(),
                     [&](std::uint32_t set) { return population_.set(set).touches(node); });
}

// Not by the subnets it routes: those that reach their own nodes are nodes.
bool Reach::is_source_itself(const CompiledRule& rule, NodeIndex node) const {
  return std::any_of(rule.sources.begin(), rule.sources.end(),
                     [&](std::uint32_t set) { return population_.holds(set, node); });
}

bool Reach::receives_via(const CompiledRule& rule, const CompiledDestination& destination,
                         NodeIndex node) const {
  if (!has_via_tag(rule, node)) return false;
  const Member& member = population_.member(node);
  switch (destination.kind) {
    case DestinationKind::kInternet:
      return !member.exit_routes.empty();
    case DestinationKind::kAny:
      return !member.subnet_routes.empty() || !member.exit_routes.empty();
    case DestinationKind::kSelf:
      return false;
    case DestinationKind::kSet:
      break;
  }
  return std::any_of(
      member.subnet_routes.begin(), member.subnet_routes.end(),
      [&](const Prefix& route) { return population_.meets(destination.set, route); });
}

bool Reach::receives(const CompiledRule& rule, const CompiledDestination& destination,
                     NodeIndex node) const {
  if (!rule.via.empty()) return receives_via(rule, destination, node);
  switch (destination.kind) {
    case DestinationKind::kAny:
      return true;
    case DestinationKind::kInternet:
      return population_.exits().contains(node);
    case DestinationKind::kSelf:
      return population_.user_of(node) != nullptr;
    case DestinationKind::kSet:
      return population_.set(destination.set).touches(node);
  }
  return false;
}

// kSelf is not asked here: it depends on the source.
NodeSet Reach::receivers(const CompiledRule& rule, const CompiledDestination& destination) const {
  NodeSet result;
  if (!rule.via.empty()) {
    population_.everybody().for_each([&](NodeIndex node) {
      if (receives_via(rule, destination, node)) result.insert(node);
    });
    return result;
  }
  switch (destination.kind) {
    case DestinationKind::kAny:
      return population_.everybody();
    case DestinationKind::kInternet:
      return population_.exits();
    case DestinationKind::kSelf:
      return result;
    case DestinationKind::kSet:
      result |= population_.set(destination.set).members;
      result |= population_.set(destination.set).near;
      return result;
  }
  return result;
}

// Rules that have the node as a source or may be delivered to it, each once, ascending.
std::vector<std::uint32_t> Reach::concerned(NodeIndex node) const {
  std::vector<std::uint32_t> rules = delivered(node);
  for (const auto set : population_.member(node).sets) {
    rules.insert(rules.end(), by_source_[set].begin(), by_source_[set].end());
  }
  sort_unique(rules);
  return rules;
}

std::vector<std::uint32_t> Reach::delivered(NodeIndex node) const {
  std::vector<std::uint32_t> rules = to_any_;
  const Member& member = population_.member(node);
  if (!member.exit_routes.empty()) {
    rules.insert(rules.end(), to_internet_.begin(), to_internet_.end());
  }
  if (population_.user_of(node) != nullptr) {
    rules.insert(rules.end(), to_self_.begin(), to_self_.end());
  }
  for (const auto set : member.sets) {
    rules.insert(rules.end(), by_destination_[set].begin(), by_destination_[set].end());
  }
  sort_unique(rules);
  std::erase_if(rules, [&](std::uint32_t i) {
    const auto& rule = policy().rules[i];
    return std::none_of(rule.destinations.begin(), rule.destinations.end(),
                        [&](const auto& to) { return receives(rule, to, node); });
  });
  return rules;
}

NodeSet Reach::peers_of(NodeIndex node) const {
  NodeSet peers;
  const NodeSet own = population_.own_nodes(node);
  for (const auto i : concerned(node)) {
    const auto& rule = policy().rules[i];
    if (rule.ssh) continue;  // opens nothing, so it connects nobody
    const bool source = is_source(rule, node);
    const bool source_itself = source && is_source_itself(rule, node);
    bool received = false;
    for (const auto& destination : rule.destinations) {
      if (destination.kind != DestinationKind::kSelf) {
        if (source) peers |= receivers(rule, destination);
        received = received || receives(rule, destination, node);
        continue;
      }
      if (!receives(rule, destination, node)) continue;
      own.for_each([&](NodeIndex other) {
        if (source_itself || is_source_itself(rule, other)) peers.insert(other);
      });
    }
    if (!received) continue;
    for (const auto set : rule.sources) {
      peers |= population_.set(set).members;
      peers |= population_.set(set).near;
    }
  }
  peers.assign(node, false);
  return peers;
}

NodeSet Reach::audience_of(std::uint32_t set) const {
  NodeSet audience;
  for (const auto i : by_source_[set]) {
    const auto& rule = policy().rules[i];
    for (const auto& destination : rule.destinations) {
      audience |= receivers(rule, destination);
    }
  }
  return audience;
}

NodeSet Reach::involved(std::uint32_t index) const {
  const auto& rule = policy().rules[index];
  NodeSet nodes;
  if (!grants_something(rule)) return nodes;
  for (const auto set : rule.sources) {
    nodes |= population_.set(set).members;
    nodes |= population_.set(set).near;
  }
  for (const auto& destination : rule.destinations) nodes |= receivers(rule, destination);
  return nodes;
}

}  // namespace kernmesh::policy
