// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/diff_lanes.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "controller/core/policy/diff_terms.h"

namespace kernmesh::policy {
namespace {

std::vector<PortRange> ports_without(const std::vector<PortRange>& from,
                                     const std::vector<PortRange>& taken) {
  std::vector<PortRange> left;
  for (const auto& range : from) {
    std::uint32_t at = range.first;
    for (const auto& hole : taken) {
      if (hole.last < at || hole.first > range.last) continue;
      if (hole.first > at) {
        left.push_back(
            {static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(hole.first - 1)});
      }
      at = std::uint32_t{hole.last} + 1;
    }
    if (at <= range.last) left.push_back({static_cast<std::uint16_t>(at), range.last});
  }
  return left;
}

class Comparer {
 public:
  void add(const Population& population, bool Lane::*side) {
    const auto& policy = population.policy();
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < policy.sets.size(); ++i) {
      numbers.push_back(number_of(policy.sets[i], population.set(i)));
    }
    for (const auto& rule : policy.rules) add(rule, numbers, side);
  }

  ComparedPolicies take() { return std::move(result_); }

 private:
  std::uint32_t number_of(const SetDefinition& definition, const SetValue& value) {
    const auto [known, last] = by_name_.equal_range(definition.name);
    for (auto i = known; i != last; ++i) {
      const SetValue& other = *result_.sets[i->second].value;
      if (other.members == value.members && other.addresses == value.addresses) return i->second;
    }
    const auto number = static_cast<std::uint32_t>(result_.sets.size());
    by_name_.emplace(definition.name, number);
    result_.sets.push_back({&definition, &value});
    return number;
  }

  void add(const CompiledRule& rule, const std::vector<std::uint32_t>& numbers, bool Lane::*side) {
    const auto packets = [&](const CompiledDestination& to) {
      Openings openings;
      open(openings, rule, to);
      merge(openings);
      return openings;
    };
    add(rule, numbers, via_terms(rule), packets, side);
    const auto nothing = [](const CompiledDestination&) {
      return Openings{{kNoProtocol, {kAllPorts}}};
    };
    for (auto& terms : grant_terms(rule)) add(rule, numbers, std::move(terms), nothing, side);
  }

  // Destinations of a rule with the same openings are one lane.
  template <typename Opened>
  void add(const CompiledRule& rule, const std::vector<std::uint32_t>& numbers, std::string terms,
           const Opened& opened, bool Lane::*side) {
    std::map<std::pair<bool, Openings>, Lane> lanes;
    for (const auto& to : rule.destinations) {
      Openings openings = opened(to);
      if (openings.empty()) continue;
      const bool self = to.kind == DestinationKind::kSelf;
      Lane& lane = lanes[{self, openings}];
      lane.openings = std::move(openings);
      lane.terms = terms;
      lane.to_self = self;
      lane.to_any = lane.to_any || to.kind == DestinationKind::kAny;
      lane.to_internet = lane.to_internet || to.kind == DestinationKind::kInternet;
      if (to.kind == DestinationKind::kSet) lane.destinations.push_back(numbers[to.set]);
    }
    for (auto& [key, lane] : lanes) {
      for (const auto set : rule.sources) lane.sources.push_back(numbers[set]);
      put(std::move(lane), side);
    }
  }

  void put(Lane lane, bool Lane::*side) {
    for (auto* list : {&lane.sources, &lane.destinations}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    const auto [known, fresh] = by_key_.emplace(key_of(lane), result_.lanes.size());
    if (fresh) result_.lanes.push_back(std::move(lane));
    result_.lanes[known->second].*side = true;
  }

  static std::string key_of(const Lane& lane) {
    std::string key = std::to_string(lane.to_any * 4 + lane.to_internet * 2 + lane.to_self);
    for (const auto set : lane.sources) key += ' ' + std::to_string(set);
    key += " ->";
    for (const auto set : lane.destinations) key += ' ' + std::to_string(set);
    for (const auto& [protocol, ports] : lane.openings) {
      key += " /" + std::to_string(protocol) + ':' + to_string(ports);
    }
    return key + ' ' + lane.terms;
  }

  ComparedPolicies result_;
  std::unordered_multimap<std::string, std::uint32_t> by_name_;
  std::unordered_map<std::string, std::size_t> by_key_;
};

}  // namespace

void open(Openings& openings, const CompiledRule& rule, const CompiledDestination& to) {
  for_each_service(rule, to, [&](const auto& protocols, const auto& ports) {
    for (const auto protocol : protocols) {
      for (const auto& range : ports) {
        // Without ports of its own a protocol is open only where all are.
        if (range == kAllPorts || has_ports(protocol)) openings[protocol].push_back(range);
      }
    }
  });
}

void merge(Openings& openings) {
  for (auto& [protocol, ports] : openings) {
    std::sort(ports.begin(), ports.end());
    std::vector<PortRange> joined;
    for (const auto& range : ports) {
      if (!joined.empty() && range.first <= std::uint32_t{joined.back().last} + 1) {
        joined.back().last = std::max(joined.back().last, range.last);
      } else {
        joined.push_back(range);
      }
    }
    ports = std::move(joined);
  }
}

Openings without(const Openings& from, const Openings& taken) {
  Openings left;
  for (const auto& [protocol, ports] : from) {
    const auto found = taken.find(protocol);
    auto rest = found == taken.end() ? ports : ports_without(ports, found->second);
    if (!rest.empty()) left.emplace(protocol, std::move(rest));
  }
  return left;
}

std::vector<Service> services_of(const Openings& openings) {
  std::vector<Service> services;
  for (const auto& [protocol, ports] : openings) {
    if (protocol == kNoProtocol) continue;
    const auto same = std::find_if(
        services.begin(), services.end(),
        [&, &wanted = ports](const Service& service) { return service.ports == wanted; });
    if (same == services.end()) {
      services.push_back({{protocol}, ports});
    } else {
      same->protocols.push_back(protocol);
    }
  }
  return services;
}

ComparedPolicies compare(const Population& before, const Population& after) {
  Comparer comparer;
  comparer.add(before, &Lane::before);
  comparer.add(after, &Lane::after);
  return comparer.take();
}

}  // namespace kernmesh::policy
