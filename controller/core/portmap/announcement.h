// SPDX-License-Identifier: Apache-2.0
// What a gateway tells everybody unasked, when it has restarted or has another address (L1, pure):
// PCP's ANNOUNCE (RFC 6887 section 14.1) and NAT-PMP's public address (RFC 6886 section 3.2.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "controller/base/ip.h"

namespace kernmesh::portmap {

struct Announcement {
  bool is_pcp = false;  // else NAT-PMP's
  std::uint32_t epoch_s = 0;
  std::optional<IpAddress> external;  // NAT-PMP's
  bool operator==(const Announcement&) const = default;
};
// Nullopt when it is none, or tells of a failure.
std::optional<Announcement> parse_announcement(std::span<const std::uint8_t> bytes);

}  // namespace kernmesh::portmap
