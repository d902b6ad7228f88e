// SPDX-License-Identifier: Apache-2.0
// Addresses that no range of a policy may cover, whatever is routed (L1, pure).
#pragma once

#include <span>

#include "controller/core/maplayout/address_segments.h"

namespace kernmesh::maplayout {

inline constexpr std::uint32_t kForbidden = 0;

// kForbidden for loopback, link-local, multicast, "this network" and the limited broadcast (RFC
// 6890), and for `own` besides; kUnclaimed elsewhere.
Segments forbidden(std::span<const IpAddress> own);

}  // namespace kernmesh::maplayout
