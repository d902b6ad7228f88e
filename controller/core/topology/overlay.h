// SPDX-License-Identifier: Apache-2.0
// Which overlay addresses there are and who gets the next (L1, pure). A node owns one slot, a
// number, for ever; both of its addresses follow from the slot, and a slot is never given twice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "controller/base/ip.h"

namespace kernmesh::topology {

struct OverlayRange {
  Prefix v4;
  Prefix v6;
  bool operator==(const OverlayRange&) const = default;
};

// 100.64.0.0/10 (RFC 6598, shared address space).
Prefix default_overlay_v4();
// A random /48 of fd00::/8 from 40 random bits, as RFC 4193 3.2 asks for, so that two networks that
// meet one day do not collide.
Prefix unique_local_prefix(const std::array<std::uint8_t, 5>& random);

// IPv4: /8 to /28, not loopback, link-local, multicast, "this network" or class E, where the
// synthetic endpoints live. IPv6: /8 to /96 inside fc00::/7, with room for every IPv4 slot.
Status check_overlay(const OverlayRange& range);

// Slots count from 1. Those of the IPv4 range's network and broadcast addresses, of
// 100.100.100.0/24 (a cloud's metadata service) and of 100.115.92.0/23 (a container system of
// laptops) are never used, nor is .0 and .255 of any /24: some systems still mistake them.
using Slot = std::uint32_t;
// The lowest usable slot above `last`; nothing when the range is full.
std::optional<Slot> next_slot(const OverlayRange& range, Slot last);
// IPv4 first. `slot` is one that next_slot() gave for this range.
std::vector<IpAddress> addresses_of(const OverlayRange& range, Slot slot);

}  // namespace kernmesh::topology
