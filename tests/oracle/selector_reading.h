// SPDX-License-Identifier: Apache-2.0
// What kind of name a selector is, as the oracle asks it.
#pragma once

#include "controller/core/policy/selector.h"

namespace kernmesh::policy {

inline bool is_any(const Selector& selector) { return selector.kind == SelectorKind::kAny; }

}  // namespace kernmesh::policy
