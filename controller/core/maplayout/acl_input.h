// SPDX-License-Identifier: Apache-2.0
// What of a netmap the compiled policy is made of (L1, pure). Borrows everything.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/core/policy/slice.h"

namespace kernmesh::maplayout {

// A peer that is in force: others' addresses are unknown sources.
struct AclPeer {
  NodeId id;
  std::span<const IpAddress> addresses;
  std::span<const Prefix> routes;  // that it serves for us: sources behind it
};

struct AclInput {
  const std::map<RuleId, policy::SliceRule>& rules;
  const std::map<policy::SetId, policy::SourceSet>& sets;
  std::vector<AclPeer> peers;  // ascending by id
  std::span<const IpAddress> own;
  std::span<const Prefix> served;  // by this node: approved routes, exit
};

}  // namespace kernmesh::maplayout
