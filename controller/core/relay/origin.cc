// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/origin.h"

namespace kernmesh::relay {
namespace {

constexpr std::uint32_t kClassE = 0xf0000000;       // RFC 1112 section 4, with the broadcast
constexpr std::uint32_t kThisNetwork = 0x01000000;  // below: 0.0.0.0/8, RFC 1122 3.2.1.3

// RFC 1918, RFC 6598 (behind a carrier's NAT), RFC 4193.
bool is_private(const IpAddress& address) {
  if (!address.is_v4()) return (address.bytes()[0] & 0xfe) == 0xfc;
  const auto number = address.to_v4_number();
  return number >> 24 == 0x0a || number >> 20 == 0xac1 || number >> 16 == 0xc0a8 ||
         number >> 22 == 0x6440'0000 >> 22;
}

// fd00:ec2::254, where EC2 answers with a machine's credentials over IPv6 (EC2 user guide,
// "Instance metadata"); the IPv4 one is link-local.
bool is_metadata_v6(const IpAddress& address) {
  return address.bytes() ==
         std::array<std::uint8_t, 16>{0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54};
}

}  // namespace

bool is_forbidden(const Endpoint& endpoint, const Forbidden& forbidden) {
  const IpAddress& address = endpoint.address;
  if (endpoint.port.value() == 0 || address.is_unspecified()) return true;
  if (address.is_loopback()) return forbidden.loopback == Forbidden::Loopback::kForbidden;
  if (address.is_link_local() || address.is_multicast() || address.is_v4_mapped()) return true;
  if (address.is_v4()) {
    const auto number = address.to_v4_number();
    if (number >= kClassE || number < kThisNetwork) return true;
  } else if (is_metadata_v6(address)) {
    return true;
  }
  if (forbidden.private_ones == Forbidden::Private::kForbidden && is_private(address)) return true;
  return forbidden.own.contains(address);
}

}  // namespace kernmesh::relay
