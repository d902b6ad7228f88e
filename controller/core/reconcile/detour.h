// SPDX-License-Identifier: Apache-2.0
// Routing rules of others that lead packets around the mesh (L1, pure).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/core/reconcile/device.h"

namespace kernmesh::reconcile {

// The rules that the kernel asks before `own`, in its family, and that may give another answer: all
// but the one for the host's own addresses. Of equal priority the kernel asks the older first, and
// nothing says which that is: they count. Sorted, each once.
std::vector<Rule> detours(const std::vector<Rule>& all, const Rule& own);

// In words, for `meshadm status`.
std::string to_string(const Rule& rule);

}  // namespace kernmesh::reconcile
