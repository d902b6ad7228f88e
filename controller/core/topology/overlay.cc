// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/overlay.h"

#include <algorithm>
#include <string>

namespace kernmesh::topology {
namespace {

struct V4Block {
  std::uint32_t first;
  std::uint32_t last;
};
constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}
constexpr std::array kReserved{
    V4Block{v4(100, 100, 100, 0), v4(100, 100, 100, 255)},
    V4Block{v4(100, 115, 92, 0), v4(100, 115, 93, 255)},
};
// Where an overlay must not be.
constexpr std::array kForeign{
    V4Block{v4(0, 0, 0, 0), v4(0, 255, 255, 255)},
    V4Block{v4(127, 0, 0, 0), v4(127, 255, 255, 255)},
    V4Block{v4(169, 254, 0, 0), v4(169, 254, 255, 255)},
    V4Block{v4(224, 0, 0, 0), v4(255, 255, 255, 255)},
};

V4Block block_of(const Prefix& prefix) {
  const std::uint32_t first = prefix.address().to_v4_number();
  const std::uint32_t hosts = prefix.length() == 0 ? ~0u : (1u << (32 - prefix.length())) - 1;
  return {first, first + hosts};
}

Error invalid(const Prefix& prefix, const std::string& why) {
  return {ErrorCode::kInvalid, "overlay range " + to_string(prefix) + " " + why};
}

}  // namespace

Prefix default_overlay_v4() {
  return *Prefix::make(IpAddress::from_v4_number(v4(100, 64, 0, 0)), 10);
}

Prefix unique_local_prefix(const std::array<std::uint8_t, 5>& random) {
  std::array<std::uint8_t, 16> bytes{0xfd};
  std::copy(random.begin(), random.end(), bytes.begin() + 1);
  return *Prefix::make(IpAddress::from_v6_bytes(bytes), 48);
}

Status check_overlay(const OverlayRange& range) {
  if (!range.v4.address().is_v4()) return invalid(range.v4, "is not IPv4");
  if (range.v6.address().is_v4()) return invalid(range.v6, "is not IPv6");
  if (range.v4.length() < 8 || range.v4.length() > 28) {
    return invalid(range.v4, "must have a length from 8 to 28");
  }
  const V4Block block = block_of(range.v4);
  for (const auto& foreign : kForeign) {
    if (block.first <= foreign.last && foreign.first <= block.last) {
      return invalid(range.v4, "overlaps addresses with another meaning (from " +
                                   to_string(IpAddress::from_v4_number(foreign.first)) + " to " +
                                   to_string(IpAddress::from_v4_number(foreign.last)) + ")");
    }
  }
  if ((range.v6.address().bytes()[0] & 0xfe) != 0xfc) {
    return invalid(range.v6, "is not inside fc00::/7, the unique local addresses");
  }
  if (range.v6.length() < 8 || range.v6.length() > 96) {
    return invalid(range.v6, "must have a length from 8 to 96");
  }
  return {};
}

std::optional<Slot> next_slot(const OverlayRange& range, Slot last) {
  const V4Block block = block_of(range.v4);
  const std::uint32_t hosts = block.last - block.first;  // the broadcast address's slot
  for (std::uint64_t slot = std::uint64_t{last} + 1; slot < hosts; ++slot) {
    const auto address = static_cast<std::uint32_t>(block.first + slot);
    const std::uint32_t low = address & 0xff;
    if (low == 0 || low == 255) continue;
    const auto* reserved = std::find_if(kReserved.begin(), kReserved.end(), [&](const V4Block& r) {
      return address >= r.first && address <= r.last;
    });
    if (reserved == kReserved.end()) return static_cast<Slot>(slot);
    slot = reserved->last - block.first;
  }
  return std::nullopt;
}

std::vector<IpAddress> addresses_of(const OverlayRange& range, Slot slot) {
  auto bytes = range.v6.address().bytes();
  for (int i = 0; i < 4; ++i) bytes[12 + i] |= static_cast<std::uint8_t>(slot >> (24 - 8 * i));
  return {IpAddress::from_v4_number(range.v4.address().to_v4_number() + slot),
          IpAddress::from_v6_bytes(bytes)};
}

}  // namespace kernmesh::topology
