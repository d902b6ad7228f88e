// SPDX-License-Identifier: Apache-2.0
// Peers that come, go or change their memberships, put into a live image where that takes no more
// than changed entries of the address table (L1, pure).
#pragma once

#include <span>

#include "controller/core/maplayout/acl_image.h"

namespace kernmesh::maplayout {

// More at once are compiled anew: that costs less than asking every set for each of them.
inline constexpr std::size_t kMostTouched = 256;

enum class PeerChange {
  kApplied,
  kNeedsNewImage,  // nothing was changed
};

// The nodes that differ, ascending, and every address that one of them had before.
struct TouchedPeers {
  std::span<const NodeId> nodes;
  std::span<const IpAddress> held;
};

// Brings `lines`, a copy of image.lines that may have been changed by this function before, to what
// compile_acl() would make of `input`. That differs from what the image was made of only in the
// `touched` nodes: their addresses, their being there, their memberships; of input.peers nobody
// else is looked at, so the others may be left out. Changed rules, prefixes of sets, routes, own or
// served addresses need a new image; of these only routes of touched nodes are noticed here.
// Every address changes in one step of its own, not all of them together.
PeerChange change_peers(const AclImage& image, std::span<mesh_acl_line> lines,
                        const AclInput& input, const TouchedPeers& touched);

}  // namespace kernmesh::maplayout
