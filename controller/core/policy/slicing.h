// SPDX-License-Identifier: Apache-2.0
// From the whole policy to one node's slice, and to the routes it sees of its peers (L1, pure).
#pragma once

#include <vector>

#include "controller/core/policy/reach.h"
#include "controller/core/policy/slice.h"

namespace kernmesh::policy {

// The rules that are delivered to the node and the sets they name. A rule stays in the slice while
// its sets are empty, so that the first member of a group changes a set and no rule.
Slice slice_for(const Reach& reach, NodeIndex node);

// The set as an agent is told it.
SourceSet source_set(const Population& population, std::uint32_t set);

// The id under which a slice knows "those in the set that are this user's own untagged nodes".
SetId own_set_id(const SetDefinition& set, UserId user);

// Approved routes of `peer` as `viewer` sees them: what a rule lets viewer (or its subnets) reach,
// what a rule lets reach viewer, what viewer routes itself; exit routes where a rule lets viewer
// reach "*" or autogroup:internet. `peers` are the viewer's: of several routers of one subnet among
// them the lowest id carries it.
std::vector<Prefix> routes_for(const Reach& reach, NodeIndex peer, NodeIndex viewer,
                               const NodeSet& peers);

}  // namespace kernmesh::policy
