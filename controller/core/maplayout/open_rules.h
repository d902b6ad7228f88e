// SPDX-License-Identifier: Apache-2.0
// The rules of a slice that open ports, with numbers in place of sets, targets and services (L1,
// pure).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "controller/core/maplayout/acl_input.h"
#include "controller/core/maplayout/list_interner.h"

namespace kernmesh::maplayout {

// A part of a list: from `first` on `count` elements.
struct Stretch {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

template <typename Element>
std::span<const Element> of(const std::vector<Element>& list, Stretch stretch) {
  return std::span<const Element>(list).subspan(stretch.first, stretch.count);
}

// Targets that name the same addresses have the same shape.
struct Shape {
  policy::TargetKind kind;
  const std::vector<Prefix>* prefixes;  // kPrefixes only
};

struct OpenTarget {
  std::uint32_t shape = 0;
  Stretch services;  // in OpenRules::target_services
};

// Of a policy::SliceRule what is read again: with 10,000 rules each look at the rule itself is a
// cache miss.
struct OpenRule {
  RuleId id;
  std::uint32_t line = 0;
  std::uint32_t policy_revision = 0;
  Stretch targets;  // in OpenRules::targets
};

// The same of a policy::SourceSet. Borrowed from the netmap; empty when it does not have the set.
struct HeldSet {
  std::span<const NodeId> members;  // ascending
  std::span<const Prefix> prefixes;
};

// What a number in OpenRules::target_services stands for: read by to_service().
using ServiceNumbers = ListInterner;

struct OpenService {
  bool opens_all_ports = false;  // and with them protocols without ports
  std::span<const std::uint32_t> protocols;
  std::span<const std::uint32_t> ports;  // first << 16 | last
};
OpenService to_service(std::span<const std::uint32_t> words);

// A rule is known by its place in `rules`, a set by its place in `sets`.
struct OpenRules {
  std::vector<OpenRule> rules;  // ascending by id
  std::vector<OpenTarget> targets;
  std::vector<std::uint32_t> target_services;
  std::vector<Shape> shapes;
  ServiceNumbers services;                  // number 0 is none
  std::vector<policy::SetId> sets;          // those that `rules` name, ascending
  std::vector<HeldSet> held;                // by set
  std::vector<Stretch> set_rules;           // by set: in `rules_by_set`
  std::vector<std::uint32_t> rules_by_set;  // ascending within a set
};

OpenRules open_rules(const AclInput& input);

}  // namespace kernmesh::maplayout
