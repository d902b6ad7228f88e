// SPDX-License-Identifier: Apache-2.0
// When a node's key has to be looked after (L1, pure).
#pragma once

#include <optional>
#include <string>

#include "controller/core/netmap/netmap.h"

namespace kernmesh::netmap {

// How long ahead a person is told: time to find who may renew it, with a holiday in between.
inline constexpr auto kExpiryNotice = std::chrono::days(14);

// What to tell the node's owner; nothing while there is time, and once it is over, since the node's
// state says that.
std::optional<std::string> key_expiry_notice(const Self& self, WallTime now);

}  // namespace kernmesh::netmap
