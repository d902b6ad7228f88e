// SPDX-License-Identifier: Apache-2.0
// Who reaches whom under a policy (L1, pure): which rules a node is delivered, which peers and
// which of their routes it sees. Answers are made on demand from the sets; nothing is kept per
// pair.
#pragma once

#include <vector>

#include "controller/core/policy/population.h"

namespace kernmesh::policy {

class Reach {
 public:
  // Borrows the population, which may change between questions but keeps its policy.
  explicit Reach(const Population& population);

  // Nodes that see `node` and that it sees, without itself: some network or app rule, in one
  // direction or the other, has a source that matches one and is delivered to the other.
  NodeSet peers_of(NodeIndex node) const;

  // Nodes that are delivered a rule that names the set as a source; by autogroup:self does not
  // count.
  NodeSet audience_of(std::uint32_t set) const;
  // Every node that the rule may connect: its sources, and those it is delivered to.
  NodeSet involved(std::uint32_t rule) const;
  // Sets that a rule towards autogroup:self names as its sources, ascending.
  const std::vector<std::uint32_t>& self_sources() const { return self_sources_; }

  // Rules that are delivered to the node, by index, ascending.
  std::vector<std::uint32_t> delivered(NodeIndex node) const;
  // Those, and rules that have the node as a source.
  std::vector<std::uint32_t> concerned(NodeIndex node) const;
  // Whether one destination of the rule is delivered to the node.
  bool receives(const CompiledRule& rule, const CompiledDestination& destination,
                NodeIndex node) const;
  // Whether the node, or a subnet it routes, is among the rule's sources.
  bool is_source(const CompiledRule& rule, NodeIndex node) const;
  bool has_via_tag(const CompiledRule& rule, NodeIndex node) const;

  const Population& population() const { return population_; }
  const CompiledPolicy& policy() const { return population_.policy(); }

 private:
  bool is_source_itself(const CompiledRule& rule, NodeIndex node) const;
  bool receives_via(const CompiledRule& rule, const CompiledDestination& destination,
                    NodeIndex node) const;
  NodeSet receivers(const CompiledRule& rule, const CompiledDestination& destination) const;

  const Population& population_;
  std::vector<std::vector<std::uint32_t>> by_source_;       // rules by set
  std::vector<std::vector<std::uint32_t>> by_destination_;  // rules by set
  std::vector<std::uint32_t> to_any_, to_internet_, to_self_;
  std::vector<std::uint32_t> self_sources_;
};

}  // namespace kernmesh::policy
