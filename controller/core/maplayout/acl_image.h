// SPDX-License-Identifier: Apache-2.0
// From a node's slice of the policy to the image that the programs on mesh0 read (L1, pure). The
// image's verdicts are those of policy::judge(), for sources that are peers' or behind them and
// destinations that are this node's or behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bpf/abi/acl.h"
#include "controller/base/result.h"
#include "controller/core/maplayout/acl_input.h"
#include "controller/core/maplayout/rule_slots.h"
#include "controller/core/maplayout/source_classes.h"

namespace kernmesh::maplayout {

struct ImageOptions {
  std::uint32_t generation = 0;
  std::uint32_t seed = 0;  // of the address table; the image's may be a little higher
  MapVersion version;      // of the netmap
  std::uint32_t max_lines = MESH_ACL_MAX_LINES;
};

struct AclImage {
  std::vector<mesh_acl_line> lines;

  // What the lines alone do not say, for changing them in place (peer_change.h).
  SourceClasses sources;
  std::vector<NodeId> routers;  // peers with a range of their own, ascending
};

// Only rules with services count. The slots of rules that are gone become free; on an error the
// slots are as before. kExhausted says what there is too much of and what the policy's author can
// do. Costs O(n log n) in the input, and at most WorkBudget in how its parts overlap.
Result<AclImage> compile_acl(const AclInput& input, RuleSlots& slots, const ImageOptions& options);

}  // namespace kernmesh::maplayout
