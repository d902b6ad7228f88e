// SPDX-License-Identifier: Apache-2.0
// A policy text taken as a whole for one network (L1, pure): read, checked, compiled, tested.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "controller/core/policy/compiled.h"
#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/inventory.h"

namespace kernmesh::policy {

struct AcceptedPolicy {
  std::shared_ptr<const Document> document;
  std::shared_ptr<const CompiledPolicy> compiled;
  std::size_t expectations = 0;  // of its own tests, all of which hold
};

// The policy, or nothing when it is rejected; then `diagnostics` has the errors. Also finds what
// needs the network: domains that are not its own, and tests that fail.
std::optional<AcceptedPolicy> accept(std::string_view text, const Inventory& inventory,
                                     Diagnostics& diagnostics);

// What a server stores first: everybody's own devices reach each other, nothing else.
extern const std::string_view kStarterPolicy;

}  // namespace kernmesh::policy
