// SPDX-License-Identifier: Apache-2.0
// What a policy's ipsets come to (L1, pure).
#pragma once

#include <string>
#include <unordered_map>

#include "controller/base/result.h"
#include "controller/core/policy/address_set.h"
#include "controller/core/policy/document.h"

namespace kernmesh::policy {

// All of a document's ipsets by "ipset:x", each step applied in order: what the last step that
// names an address says holds. kExhausted when they come to more than `max_ranges` ranges.
Result<std::unordered_map<std::string, AddressSet>> resolve_ipsets(const Document& document,
                                                                   std::size_t max_ranges);

}  // namespace kernmesh::policy
