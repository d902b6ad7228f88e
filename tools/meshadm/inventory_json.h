// SPDX-License-Identifier: Apache-2.0
// A network described in JSON, for policy work without a server (docs/policy.md, "Offline").
#pragma once

#include "controller/base/result.h"
#include "controller/core/policy/inventory.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

// Reads `tailnet`, `users` and `nodes` of the document; every one may be absent. kInvalid names the
// field that is not what it should be.
Result<policy::Inventory> inventory_from(const Json& document);

}  // namespace kernmesh::adm
