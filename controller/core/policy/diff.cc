// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/diff.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_map>

#include "controller/core/policy/diff_atoms.h"

namespace kernmesh::policy {
namespace {

// Atoms that the lanes do not tell apart.
struct Class {
  NodeSet lanes;  // by index
  NodeSet atoms;
  std::map<NodeIndex, NodeIndex> first_of;  // an atom of each user, by the user's first own node
  NodeIndex example = 0;
  bool has_others = false;  // atoms that are no user's own
};

// What a pair of classes is newly allowed and denied.
struct Step {
  Openings allowed, denied;
  bool operator==(const Step&) const = default;
};

struct Pair {
  NodeIndex source = 0, destination = 0;  // atoms
};

// All pairs of classes with the same step.
struct Bucket {
  DifferenceKind kind = DifferenceKind::kAllowed;
  bool own = false, except_own = false;
  Openings openings;
  std::map<std::size_t, std::set<std::size_t>> pairs;  // destinations by source
  std::map<std::size_t, Pair> samples;                 // by source
};

class FamilyDiff {
 public:
  // Of the lanes with these terms. Borrows all but them.
  FamilyDiff(const Atoms& atoms, const AtomNames& names, const ComparedPolicies& policies,
             const Population& population, std::string terms)
      : policies_(policies),
        population_(population),
        atoms_(atoms),
        names_(names),
        terms_(std::move(terms)) {
    for (NodeIndex i = 0; i < policies.lanes.size(); ++i) {
      const Lane& lane = policies.lanes[i];
      if (lane.terms != terms_) continue;
      lanes_.push_back(i);
      if (lane.before != lane.after) changed_.insert(i);
      if (lane.to_self) self_.insert(i);
    }
    classify(sources_, Side::kSource);
    classify(destinations_, Side::kDestination);
  }

  std::vector<Difference> run() {
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      if (!sources_[s].lanes.intersects(changed_)) continue;
      for (std::size_t d = 0; d < destinations_.size(); ++d) compare(s, d);
    }
    std::vector<Difference> result;
    for (const auto& [key, bucket] : buckets_) fold(bucket, result);
    return result;
  }

 private:
  NodeSet lanes_of(NodeIndex atom, Side side) const {
    NodeSet lanes;
    for (const auto i : lanes_) {
      const Lane& lane = policies_.lanes[i];
      const auto holds = [&](std::uint32_t set) { return atoms_.in_set[set].contains(atom); };
      const bool in =
          side == Side::kSource
              ? std::any_of(lane.sources.begin(), lane.sources.end(), holds)
              : lane.to_any || (lane.to_internet && atoms_.internet.contains(atom)) ||
                    std::any_of(lane.destinations.begin(), lane.destinations.end(), holds);
      if (in) lanes.insert(i);
    }
    return lanes;
  }

  // A user by one of its nodes; kNoNode for what is no user's own.
  NodeIndex owner_of(NodeIndex atom) const {
    const NodeIndex node = atoms_.list[atom].node;
    if (node == Population::kNoNode || population_.user_of(node) == nullptr) {
      return Population::kNoNode;
    }
    NodeIndex first = node;
    if (!self_.empty()) {
      first = Population::kNoNode;
      population_.own_nodes(node).for_each([&](NodeIndex own) { first = std::min(first, own); });
    }
    return first;
  }

  void classify(std::vector<Class>& classes, Side side) {
    std::map<std::vector<NodeIndex>, std::size_t> known;
    for (NodeIndex atom = 0; atom < atoms_.list.size(); ++atom) {
      const NodeSet lanes = lanes_of(atom, side);
      std::vector<NodeIndex> key;
      lanes.for_each([&](NodeIndex lane) { key.push_back(lane); });
      const auto [entry, fresh] = known.emplace(std::move(key), classes.size());
      if (fresh) classes.push_back({lanes, {}, {}, atom, false});
      Class& found = classes[entry->second];
      found.atoms.insert(atom);
      const NodeIndex owner = owner_of(atom);
      if (owner == Population::kNoNode) {
        found.has_others = true;
        found.example = atom;
      } else {
        found.first_of.emplace(owner, atom);
      }
    }
  }

  Step step_of(const NodeSet& active) {
    Step step;
    if (!active.intersects(changed_)) return step;
    Openings before, after;
    active.for_each([&](NodeIndex index) {
      const Lane& lane = policies_.lanes[index];
      for (const auto& [protocol, ports] : lane.openings) {
        for (auto [side, has] : {std::pair(&before, lane.before), std::pair(&after, lane.after)}) {
          if (has) (*side)[protocol].insert((*side)[protocol].end(), ports.begin(), ports.end());
        }
      }
    });
    merge(before);
    merge(after);
    step.allowed = without(after, before);
    step.denied = without(before, after);
    return step;
  }

  static NodeSet common(const NodeSet& a, const NodeSet& b) {
    NodeSet both;
    a.for_each([&](NodeIndex i) {
      if (b.contains(i)) both.insert(i);
    });
    return both;
  }

  // A pair that is not of one user's own devices.
  static std::optional<Pair> foreign_pair(const Class& source, const Class& destination) {
    if (source.has_others || destination.has_others) {
      return Pair{source.example, destination.example};
    }
    for (const auto& [user, atom] : source.first_of) {
      for (const auto& [other, target] : destination.first_of) {
        if (user != other) return Pair{atom, target};
      }
    }
    return std::nullopt;
  }

  static std::optional<Pair> own_pair(const Class& source, const Class& destination) {
    for (const auto& [user, atom] : source.first_of) {
      const auto own = destination.first_of.find(user);
      if (own != destination.first_of.end()) return Pair{atom, own->second};
    }
    return std::nullopt;
  }

  void compare(std::size_t s, std::size_t d) {
    const Class& source = sources_[s];
    const Class& destination = destinations_[d];
    const NodeSet plain = common(source.lanes, destination.lanes);
    const NodeSet self = common(source.lanes, self_);
    const auto own = self.empty() ? std::nullopt : own_pair(source, destination);
    const Step others = step_of(plain);
    NodeSet with_self = plain;
    with_self |= self;
    const Step owns = own ? step_of(with_self) : others;
    const auto foreign = self.empty() ? std::optional(Pair{source.example, destination.example})
                                      : foreign_pair(source, destination);
    const bool differ = !(owns == others);
    if (foreign) put(s, d, others, *foreign, {false, differ});
    if (own && (differ || !foreign)) put(s, d, owns, *own, {true, false});
  }

  struct Scope {
    bool own, except_own;
  };
  void put(std::size_t s, std::size_t d, const Step& step, const Pair& sample, Scope scope) {
    for (const auto kind : {DifferenceKind::kAllowed, DifferenceKind::kDenied}) {
      const Openings& openings = kind == DifferenceKind::kAllowed ? step.allowed : step.denied;
      if (openings.empty()) continue;
      const auto key = std::tuple(kind, scope.own, scope.except_own, openings);
      Bucket& bucket = buckets_[key];
      bucket.kind = kind;
      bucket.own = scope.own;
      bucket.except_own = scope.except_own;
      bucket.openings = openings;
      bucket.pairs[s].insert(d);
      bucket.samples.emplace(s, sample);
    }
  }

  // Sources with the same destinations are one difference.
  void fold(const Bucket& bucket, std::vector<Difference>& result) const {
    std::map<std::set<std::size_t>, std::vector<std::size_t>> rectangles;
    for (const auto& [s, destinations] : bucket.pairs) {
      rectangles[bucket.own ? std::set<std::size_t>() : destinations].push_back(s);
    }
    for (const auto& [destinations, sources] : rectangles) {
      NodeSet from, to;
      for (const auto s : sources) from |= sources_[s].atoms;
      for (const auto d : destinations) to |= destinations_[d].atoms;
      Difference difference;
      difference.kind = bucket.kind;
      difference.except_own = bucket.except_own;
      difference.terms = terms_;
      difference.services = services_of(bucket.openings);
      difference.sources = names_.name(from, Side::kSource);
      difference.destinations = bucket.own ? std::vector<std::string>{"autogroup:self"}
                                           : names_.name(to, Side::kDestination);
      const Pair& pair = bucket.samples.at(sources.front());
      const auto& [protocol, ports] = *bucket.openings.begin();
      difference.sample = {atoms_.list[pair.source].first, atoms_.list[pair.destination].first,
                           protocol, has_ports(protocol) ? ports.front().first : std::uint16_t{0}};
      result.push_back(std::move(difference));
    }
  }

  const ComparedPolicies& policies_;
  const Population& population_;
  const Atoms& atoms_;
  const AtomNames& names_;
  std::string terms_;
  std::vector<NodeIndex> lanes_;
  NodeSet changed_, self_;  // lanes
  std::vector<Class> sources_, destinations_;
  std::map<std::tuple<DifferenceKind, bool, bool, Openings>, Bucket> buckets_;
};

bool same_line(const Difference& a, const Difference& b) {
  return a.kind == b.kind && a.sources == b.sources && a.destinations == b.destinations &&
         a.services == b.services && a.except_own == b.except_own && a.terms == b.terms;
}

std::vector<Difference> diff_family(IpFamily family, const ComparedPolicies& policies,
                                    const Population& population,
                                    const std::vector<Prefix>& overlay) {
  std::set<std::string> terms;
  for (const auto& lane : policies.lanes) {
    if (lane.before != lane.after) terms.insert(lane.terms);
  }
  std::vector<Difference> result;
  if (terms.empty()) return result;
  const Atoms atoms = cut(family, policies, population, overlay);
  const AtomNames names(atoms, policies, population);
  for (const auto& each : terms) {
    auto part = FamilyDiff(atoms, names, policies, population, each).run();
    std::move(part.begin(), part.end(), std::back_inserter(result));
  }
  return result;
}

}  // namespace

std::vector<Difference> diff(const std::shared_ptr<const CompiledPolicy>& before,
                             const std::shared_ptr<const CompiledPolicy>& after,
                             const Inventory& inventory) {
  Population old_network(before, inventory.overlay);
  for (const auto& user : inventory.users) old_network.put(user);
  for (const auto& node : inventory.nodes) old_network.put(node);
  const Population new_network(old_network, after);
  const ComparedPolicies policies = compare(old_network, new_network);
  std::vector<Difference> result;
  for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
    auto part = diff_family(family, policies, new_network, inventory.overlay);
    for (auto& difference : part) {
      const auto twin = std::find_if(result.begin(), result.end(), [&](const Difference& other) {
        return other.family == IpFamily::kV4 && same_line(other, difference);
      });
      if (family == IpFamily::kV6 && twin != result.end()) {
        twin->family.reset();
        continue;
      }
      difference.family = family;
      result.push_back(std::move(difference));
    }
  }
  std::stable_sort(result.begin(), result.end(), [](const Difference& a, const Difference& b) {
    return std::tie(a.kind, a.sources, a.destinations, a.terms) <
           std::tie(b.kind, b.sources, b.destinations, b.terms);
  });
  return result;
}

std::string to_string(const std::vector<Service>& services) {
  std::string text;
  for (const auto& service : services) {
    if (service.protocols == default_protocols() && service.ports == std::vector{kAllPorts}) {
      text += text.empty() ? "*" : " *";
      continue;
    }
    for (const auto protocol : service.protocols) {
      text += (text.empty() ? "" : " ") + protocol_name(protocol);
      if (has_ports(protocol)) text += "/" + to_string(service.ports);
    }
  }
  return text;
}

}  // namespace kernmesh::policy
