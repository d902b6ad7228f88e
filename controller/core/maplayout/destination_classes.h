// SPDX-License-Identifier: Apache-2.0
// Destination classes (L1, pure): addresses of this node, and behind it, that the same targets of
// rules hold.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bpf/abi/acl.h"
#include "controller/core/maplayout/open_rules.h"
#include "controller/core/maplayout/work_budget.h"

namespace kernmesh::maplayout {

struct DestinationClasses {
  std::uint32_t count = 0;
  mesh_acl_own own{};
  std::vector<mesh_acl_range> ranges;
  std::vector<Stretch> shape_classes;  // by shape: in `classes`
  std::vector<std::uint32_t> classes;  // ascending within a shape
};

// kExhausted when the targets overlap in more ways than WorkBudget allows.
Result<DestinationClasses> destination_classes(const OpenRules& rules, const AclInput& input,
                                               WorkBudget& budget);

}  // namespace kernmesh::maplayout
