// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/diff_atoms.h"

#include <algorithm>
#include <optional>
#include <set>

namespace kernmesh::policy {
namespace {

IpAddress made(IpFamily family, const std::array<std::uint8_t, 16>& bytes) {
  return family == IpFamily::kV4
             ? IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]})
             : IpAddress::from_v6_bytes(bytes);
}

IpAddress last_of(const Prefix& prefix) {
  auto bytes = prefix.address().bytes();
  for (int bit = prefix.length(); bit < prefix.address().bits(); ++bit) {
    bytes[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
  }
  return made(prefix.address().family(), bytes);
}

// The next address (`step` 1) or the one before (-1); nothing past the end.
std::optional<IpAddress> stepped(const IpAddress& address, int step) {
  auto bytes = address.bytes();
  for (auto i = static_cast<std::size_t>(address.bits() / 8); i-- > 0;) {
    bytes[i] = static_cast<std::uint8_t>(bytes[i] + step);
    if (bytes[i] != (step > 0 ? 0x00 : 0xff)) return made(address.family(), bytes);
  }
  return std::nullopt;
}

class Cutter {
 public:
  explicit Cutter(IpFamily family) : family_(family) {}

  void at(const Prefix& prefix) {
    if (prefix.address().family() != family_) return;
    starts_.insert(prefix.address());
    if (const auto next = stepped(last_of(prefix), 1)) starts_.insert(*next);
  }
  void at(const AddressSet& set) {
    for (const auto& prefix : set.prefixes()) at(prefix);
  }

  std::vector<Atom> cut() const {
    std::vector<Atom> atoms;
    for (auto i = starts_.begin(); i != starts_.end(); ++i) {
      const auto next = std::next(i);
      const IpAddress last =
          next == starts_.end() ? last_of(*Prefix::make(*i, 0)) : *stepped(*next, -1);
      atoms.push_back({*i, last, Population::kNoNode});
    }
    return atoms;
  }

 private:
  IpFamily family_;
  std::set<IpAddress> starts_;
};

// Whether the overlay's address, which no node has, is named by a set other than as a part of it.
bool is_named(const IpAddress& address, const Prefix& overlay, const ComparedPolicies& policies) {
  return std::any_of(policies.sets.begin(), policies.sets.end(), [&](const ComparedSet& set) {
    return !set.definition->wildcard && set.value->addresses.contains(address) &&
           !(set.value->addresses.contains(overlay.address()) &&
             set.value->addresses.contains(last_of(overlay)));
  });
}

std::string text_of(const Atom& atom) {
  if (atom.first == atom.last) return to_string(atom.first);
  for (int length = 0; length <= atom.first.bits(); ++length) {
    const auto prefix = *Prefix::make(atom.first, length);
    if (prefix.address() == atom.first && last_of(prefix) == atom.last) return to_string(prefix);
  }
  return to_string(atom.first) + "-" + to_string(atom.last);
}

bool is_subset(const NodeSet& inner, const NodeSet& outer) {
  NodeSet both = outer;
  both |= inner;
  return both == outer;
}

}  // namespace

Atoms cut(IpFamily family, const ComparedPolicies& policies, const Population& population,
          const std::vector<Prefix>& overlay) {
  Cutter cutter(family);
  for (const auto& set : policies.sets) cutter.at(set.value->addresses);
  for (const auto& range : overlay) cutter.at(range);
  cutter.at(internet());
  const auto whole = Prefix::parse(family == IpFamily::kV4 ? "0.0.0.0/0" : "::/0");
  cutter.at(*whole);
  std::map<IpAddress, NodeIndex> owners;
  population.everybody().for_each([&](NodeIndex node) {
    for (const auto& address : population.member(node).node.addresses) {
      cutter.at(Prefix::host(address));
      owners[address] = node;
    }
  });
  Atoms atoms;
  for (Atom atom : cutter.cut()) {
    const auto owner = owners.find(atom.first);
    if (owner != owners.end()) {
      atom.node = owner->second;
    } else if (std::any_of(overlay.begin(), overlay.end(), [&](const Prefix& range) {
                 return range.contains(atom.first) && !is_named(atom.first, range, policies);
               })) {
      continue;
    }
    atoms.list.push_back(atom);
  }
  atoms.in_set.resize(policies.sets.size());
  for (NodeIndex i = 0; i < atoms.list.size(); ++i) {
    const Atom& atom = atoms.list[i];
    atoms.everything.insert(i);
    if (internet().contains(atom.first)) atoms.internet.insert(i);
    for (std::size_t s = 0; s < policies.sets.size(); ++s) {
      const SetValue& value = *policies.sets[s].value;
      if ((atom.node != Population::kNoNode && value.members.contains(atom.node)) ||
          value.addresses.contains(atom.first)) {
        atoms.in_set[s].insert(i);
      }
    }
  }
  return atoms;
}

AtomNames::AtomNames(const Atoms& atoms, const ComparedPolicies& policies,
                     const Population& population)
    : atoms_(atoms), population_(population) {
  add_identities();
  for (std::size_t s = 0; s < policies.sets.size(); ++s) {
    const bool any = policies.sets[s].definition->wildcard;
    add(policies.sets[s].definition->name, atoms.in_set[s], true, !any);
  }
  add("*", atoms.everything, false, true);
  add("autogroup:internet", atoms.internet, false, true);
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.size > b.size; });
}

void AtomNames::add(std::string name, NodeSet atoms, bool source, bool destination) {
  const std::size_t size = atoms.size();
  if (size == 0) return;
  candidates_.push_back({std::move(name), std::move(atoms), size, source, destination});
}

void AtomNames::add_identities() {
  std::map<std::string, NodeSet> users, tags;
  NodeSet untagged, tagged;
  for (NodeIndex i = 0; i < atoms_.list.size(); ++i) {
    const NodeIndex node = atoms_.list[i].node;
    if (node == Population::kNoNode) continue;
    const auto& known = population_.member(node).node;
    for (const auto& tag : known.tags) tags[tag].insert(i);
    (known.tags.empty() ? untagged : tagged).insert(i);
    if (const User* user = population_.user_of(node)) {
      users[user->email.empty() ? user->name + "@" : user->email].insert(i);
    }
  }
  // Of names that mean as much the first is taken: who before what they are in.
  for (auto* names : {&users, &tags}) {
    for (auto& [name, atoms] : *names) add(name, std::move(atoms), true, true);
  }
  add("autogroup:member", std::move(untagged), true, true);
  add("autogroup:tagged", std::move(tagged), true, true);
}

std::vector<std::string> AtomNames::name(const NodeSet& atoms, Side side) const {
  std::vector<std::string> names;
  NodeSet left = atoms;
  for (const auto& candidate : candidates_) {
    if (!(side == Side::kSource ? candidate.source : candidate.destination)) continue;
    if (!candidate.atoms.intersects(left) || !is_subset(candidate.atoms, atoms)) continue;
    names.push_back(candidate.name);
    candidate.atoms.for_each([&](NodeIndex atom) { left.assign(atom, false); });
  }
  left.for_each([&](NodeIndex atom) {
    const NodeIndex node = atoms_.list[atom].node;
    names.push_back(node == Population::kNoNode ? text_of(atoms_.list[atom])
                                                : population_.member(node).node.name);
  });
  return names;
}

}  // namespace kernmesh::policy
