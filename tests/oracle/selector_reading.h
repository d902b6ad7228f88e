// SPDX-License-Identifier: Apache-2.0
// What kind of name a selector is, as the oracle asks it.
#pragma once

#include "controller/core/policy/selector.h"

namespace kernmesh::policy {

inline bool is_autogroup(const Selector& selector, Autogroup autogroup) {
  return selector.kind == SelectorKind::kAutogroup && selector.autogroup == autogroup;
}
inline bool is_any(const Selector& selector) { return selector.kind == SelectorKind::kAny; }
inline bool is_self(const Selector& selector) { return is_autogroup(selector, Autogroup::kSelf); }
inline bool is_internet(const Selector& selector) {
  return is_autogroup(selector, Autogroup::kInternet);
}

}  // namespace kernmesh::policy
