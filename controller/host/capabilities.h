// SPDX-License-Identifier: Apache-2.0
// What this process may do to the kernel (L2), asked before it is tried: the kernel's own answer to
// an attempt does not say which capability was missing.
#pragma once

#include <span>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::host {

struct Capability {
  int number;  // of capabilities(7)
  std::string_view name;
};
extern const Capability kNetAdmin, kSysAdmin;

// kPermissionDenied with the names of those that are not effective.
Status require_capabilities(std::span<const Capability> needed);

}  // namespace kernmesh::host
