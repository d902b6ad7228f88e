// SPDX-License-Identifier: Apache-2.0
// Whether this process and this kernel can carry a mesh (L3): asked before a server is told
// anything, so that a join that cannot succeed spends no key and leaves no node behind.
#pragma once

#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::agent {

// kPermissionDenied with the capabilities that lack, kUnsupported with what the kernel lacks and
// which has it.
Status check_host();

// kUnsupported below 6.1, the oldest Linux that is tested; `release` as uname prints it. Of one
// that does not read as a version nothing is said.
Status check_release(std::string_view release);

}  // namespace kernmesh::agent
