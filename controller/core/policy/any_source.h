// SPDX-License-Identifier: Apache-2.0
// Which overlay addresses "*" means as a source (L1, pure).
#pragma once

#include <vector>

#include "controller/core/policy/address_set.h"

namespace kernmesh::policy {

// The ranges without the one that Chrome OS gives to containers, 100.115.92.0/23 (docs/policy.md).
AddressSet any_of(const std::vector<Prefix>& overlay);

}  // namespace kernmesh::policy
