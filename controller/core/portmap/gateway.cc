// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/gateway.h"

#include <algorithm>
#include <iterator>

namespace kernmesh::portmap {
namespace {

struct Range {
  std::uint32_t network;
  int length;
};
constexpr Range kNotPublic[] = {
    {0x00000000, 8},   // this network
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // a carrier's NAT
    {0x7f000000, 8},   // loopback
    {0xa9fe0000, 16},  // link-local
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarking
    {0xe0000000, 3},   // multicast and what is reserved
};

}  // namespace

bool is_public(const IpAddress& address) {
  if (!address.is_v4()) return false;
  const std::uint32_t number = address.to_v4_number();
  return std::none_of(std::begin(kNotPublic), std::end(kNotPublic), [&](const Range& range) {
    return (number ^ range.network) >> (32 - range.length) == 0;
  });
}

std::optional<Gateway> gateway_to_ask(const std::optional<IpAddress>& next_hop,
                                      const IpAddress& source) {
  const bool is_asked = next_hop && next_hop->is_v4() && !next_hop->is_unspecified() &&
                        source.is_v4() && !source.is_unspecified() && !is_public(source);
  return is_asked ? std::optional(Gateway{*next_hop, source}) : std::nullopt;
}

}  // namespace kernmesh::portmap
