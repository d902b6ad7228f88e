// SPDX-License-Identifier: Apache-2.0
// The addresses of one family cut into pieces that no set of two policies divides (L1, pure), and
// the names that people give them.
#pragma once

#include <string>
#include <vector>

#include "controller/core/policy/diff_lanes.h"

namespace kernmesh::policy {

struct Atom {
  IpAddress first;
  IpAddress last;
  NodeIndex node = 0;  // whose only address in the family it is, or Population::kNoNode
};

// Sets of atoms are NodeSets over their indices.
struct Atoms {
  std::vector<Atom> list;
  std::vector<NodeSet> in_set;  // by ComparedPolicies::sets
  NodeSet everything;
  NodeSet internet;
};

Atoms cut(IpFamily family, const ComparedPolicies& policies, const Population& population,
          const std::vector<Prefix>& overlay);

enum class Side { kSource, kDestination };

// Names of users, groups, tags and sets for sets of atoms. Borrows all.
class AtomNames {
 public:
  AtomNames(const Atoms& atoms, const ComparedPolicies& policies, const Population& population);
  // The fewest names that are found, the widest first; what is left by node or address.
  std::vector<std::string> name(const NodeSet& atoms, Side side) const;

 private:
  struct Candidate {
    std::string name;
    NodeSet atoms;
    std::size_t size = 0;
    bool source = true, destination = true;
  };
  void add(std::string name, NodeSet atoms, bool source, bool destination);
  void add_identities();

  const Atoms& atoms_;
  const Population& population_;
  std::vector<Candidate> candidates_;  // widest first
};

}  // namespace kernmesh::policy
