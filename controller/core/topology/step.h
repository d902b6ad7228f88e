// SPDX-License-Identifier: Apache-2.0
// What one change of the network did to its nodes' views (L1, pure values). Written by Network
// once, read for every stream that has not heard of it yet.
#pragma once

#include <memory>
#include <vector>

#include "controller/base/ids.h"
#include "controller/core/netmap/digest.h"
#include "controller/core/netmap/netmap.h"
#include "controller/core/policy/node_set.h"
#include "controller/core/policy/reach.h"

namespace kernmesh::topology {

using policy::NodeIndex;
using policy::NodeSet;

// The policy of a network and who is in its sets.
struct PolicyView {
  explicit PolicyView(policy::Population nodes) : population(std::move(nodes)), reach(population) {}
  PolicyView(const PolicyView&) = delete;
  PolicyView& operator=(const PolicyView&) = delete;
  policy::Population population;
  policy::Reach reach;  // of `population`
};

// How one node's own slice changed.
struct SliceChange {
  std::vector<netmap::Rule> upserted_rules;
  std::vector<RuleId> removed_rules;
  std::vector<netmap::SourceSet> upserted_sets;
  bool empty() const {
    return upserted_rules.empty() && removed_rules.empty() && upserted_sets.empty();
  }
};
SliceChange difference(const policy::Slice& from, const policy::Slice& to);

// What one node was to the others before and after; all-zero digests: not there for them.
struct NodeStep {
  NodeId id;
  netmap::Digest before{};
  netmap::Digest after{};
  bool state_changed = false;   // its whole view appeared or went
  bool self_changed = false;    // what it is told of itself
  bool online_changed = false;  // which is no part of the digests
  NodeSet seen_before;          // by whom it was seen, and whom it saw: that is mutual
  NodeSet seen_after;
  SliceChange slice;
  // Whether those who saw it and see it are to be told of it.
  bool looks_different() const { return online_changed || before != after; }
};

// One node that joined or left a set, and the nodes whose slices name that set.
struct MembershipStep {
  netmap::SetId set;
  NodeId node;
  bool joined = false;
  std::shared_ptr<const NodeSet> audience;  // shared by the steps of one set
};

// A set whose literal prefixes changed.
struct AddressStep {
  netmap::SetId set;
  NodeSet audience;
};

// A policy that took another's place.
struct PolicyStep {
  std::shared_ptr<const PolicyView> before;
  NodeSet affected;  // whose peers, rules or sets may differ
};

struct Step {
  Revision revision;
  std::vector<NodeStep> nodes;
  std::vector<MembershipStep> memberships;
  std::vector<AddressStep> addresses;
  std::vector<PolicyStep> policies;        // none or one
  std::vector<NodeIndex> retired_indices;  // free once nobody can resume from before this
  bool opaque = false;  // did more than this says: views from before it cannot be moved forward
};

// Whether the view of this node may differ after the step.
bool may_concern(const Step& step, NodeId viewer, NodeIndex index);

}  // namespace kernmesh::topology
