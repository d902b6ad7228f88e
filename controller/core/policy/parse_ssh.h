// SPDX-License-Identifier: Apache-2.0
// The section `ssh` of a policy (L1, pure).
#pragma once

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/hujson.h"

namespace kernmesh::policy {

void read_ssh(const JsonValue& list, Document& document, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
