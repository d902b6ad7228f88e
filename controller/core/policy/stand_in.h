// SPDX-License-Identifier: Apache-2.0
// Nodes that do not exist yet (L1, pure): so that a policy can be tested and compared for a user or
// tag before the first device is there.
#pragma once

#include <string>
#include <vector>

#include "controller/core/policy/inventory.h"

namespace kernmesh::policy {

// The network with one more node for each user and each of the tags that has none. It has addresses
// that nobody has, and the name "a device of NAME".
Inventory with_stand_ins(const Inventory& inventory, const std::vector<std::string>& tags);

}  // namespace kernmesh::policy
