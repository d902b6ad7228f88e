// SPDX-License-Identifier: Apache-2.0
// What time does to node keys (L3, pure): they end, are to be made anew before, and somebody is
// told ahead.
#pragma once

#include <set>

#include "controller/server/directory.h"

namespace kernmesh::server {

// Nodes that are asked for a new key at once; with one look a second, 10,000 nodes that joined
// together take 42 minutes, and each costs its peers one small change.
inline constexpr int kRotationsAtOnce = 4;

// For one look at all nodes. `online`: those that are connected, which alone are asked. A node that
// a clock had let expire too early comes back; one that was expired by hand does not.
Result<store::Commit> plan_key_care(const View& view, const std::set<NodeId>& online, WallTime now);

}  // namespace kernmesh::server
