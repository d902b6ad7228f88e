// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/forbidden.h"

#include <array>

namespace kernmesh::maplayout {
namespace {

struct Range {
  AddressNumber first;
  AddressNumber last;
};

constexpr Range v4(std::uint32_t first, std::uint32_t last) {
  return {kV4First | first, kV4First | last};
}

// The first 16 bits of both ends.
constexpr Range v6(std::uint16_t first, std::uint16_t last) {
  constexpr AddressNumber kRest = (AddressNumber{1} << 112) - 1;
  return {AddressNumber{first} << 112, AddressNumber{last} << 112 | kRest};
}

constexpr std::array kRanges = {
    Range{0, 1},                 // ::/127, unspecified and loopback
    v4(0x00000000, 0x00ffffff),  // 0.0.0.0/8
    v4(0x7f000000, 0x7fffffff),  // 127.0.0.0/8
    v4(0xa9fe0000, 0xa9feffff),  // 169.254.0.0/16
    v4(0xe0000000, 0xefffffff),  // 224.0.0.0/4
    v4(0xffffffff, 0xffffffff),  // 255.255.255.255
    v6(0xfe80, 0xfebf),          // fe80::/10
    v6(0xff00, 0xffff),          // ff00::/8
};

}  // namespace

Segments forbidden(std::span<const IpAddress> own) {
  std::vector<PrefixClaim> claims;
  claims.reserve(kRanges.size() + own.size());
  for (const Range& range : kRanges) claims.push_back({range.first, range.last, kForbidden});
  for (const auto& address : own) {
    if (const auto claim = claim_of(Prefix::host(address), kForbidden)) claims.push_back(*claim);
  }
  return innermost(std::move(claims));
}

}  // namespace kernmesh::maplayout
