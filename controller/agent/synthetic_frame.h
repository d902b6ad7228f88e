// SPDX-License-Identifier: Apache-2.0
// WireGuard's messages as they are on the underlay device, in Ethernet, IPv4 and UDP between
// synthetic addresses (L3, pure): taking them out of what WireGuard sends, making frames that it
// takes for a peer's, and telling a socket whose to pick.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/ids.h"

namespace kernmesh::agent {

inline constexpr std::size_t kMostSyntheticFrame = 9216;  // a jumbo frame

// As if it had come from the peer. Without a UDP checksum (RFC 768): WireGuard authenticates the
// message. Empty when the message is too long for a frame.
Bytes synthetic_frame(NodeId peer, std::span<const std::uint8_t> message);

struct SyntheticMessage {
  NodeId peer;                            // to whom it goes; id 0: nobody
  std::span<const std::uint8_t> message;  // borrowed from the frame; empty: it holds none
};
SyntheticMessage read_synthetic_frame(std::span<const std::uint8_t> frame);

// A classic socket filter (linux/filter.h): IPv4 to one of these peers passes whole, nothing else.
// Takes 12 instructions and, about, one for each peer; the kernel keeps two such programs while it
// replaces one, within net.core.optmem_max (20 KiB on 6.1), so there may be 1,024 peers.
inline constexpr std::size_t kMostFiltered = 1024;
std::vector<sock_filter> synthetic_filter(const std::set<NodeId>& peers);

}  // namespace kernmesh::agent
