// SPDX-License-Identifier: Apache-2.0
// How much a new policy changes, counted (L1, pure): for the one line after it is in force. What it
// allows and denies is diff.h's to say.
#pragma once

#include <cstddef>
#include <memory>

#include "controller/core/policy/compiled.h"
#include "controller/core/policy/inventory.h"

namespace kernmesh::policy {

struct Change {
  std::size_t rules_added = 0;  // by meaning: a rule that only moved is neither
  std::size_t rules_removed = 0;
  std::size_t nodes = 0;  // that such a rule, or another member of a rule's source, concerns
};

Change count_change(const std::shared_ptr<const CompiledPolicy>& before,
                    const std::shared_ptr<const CompiledPolicy>& after, const Inventory& inventory);

}  // namespace kernmesh::policy
