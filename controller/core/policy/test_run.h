// SPDX-License-Identifier: Apache-2.0
// Runs the `tests` and `sshTests` that a policy file carries (L1, pure).
#pragma once

#include <cstddef>

#include "controller/core/policy/compiled.h"
#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/inventory.h"

namespace kernmesh::policy {

// Adds one error of kind kTests for each test that fails, with the place of the line in it that
// does. A user or tag that has no node yet is tried with one that exists only for the tests.
// Expects a document without errors. Returns how many expectations were looked at.
std::size_t run_tests(const Document& document, const CompiledPolicy& compiled,
                      const Inventory& inventory, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
