// SPDX-License-Identifier: Apache-2.0
// What of a destination a rule opens: protocols and ports (L1, pure).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::policy {

// Inclusive; {0, 65535} is every port and what protocols without ports have.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;
  auto operator<=>(const PortRange&) const = default;
};

inline constexpr PortRange kAllPorts{0, 65535};

// IANA protocol numbers.
inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIcmpV6 = 58;
inline constexpr std::uint8_t kProtocolSctp = 132;

// What a rule without a protocol opens: TCP, UDP, ICMP, ICMPv6; sorted.
const std::vector<std::uint8_t>& default_protocols();

// Whether ports mean something: TCP, UDP, SCTP.
bool has_ports(std::uint8_t protocol);

struct Service {
  std::vector<std::uint8_t> protocols;  // sorted, no duplicates
  std::vector<PortRange> ports;         // sorted, disjoint, not touching; empty: see Rule::services
  auto operator<=>(const Service&) const = default;
};

// "*", "22", "80-443", "22,80-443": sorted and merged. kInvalid for port 0, reversed ranges,
// others.
Result<std::vector<PortRange>> parse_ports(std::string_view text);

// The `proto` of an acl: "", "tcp", "6", an IANA name of docs/policy.md. Empty: the default ones.
Result<std::vector<std::uint8_t>> parse_protocols(std::string_view text);

// An entry of a grant's `ip`: "*", "80", "80-443", "tcp:80", "icmp:*".
Result<Service> parse_grant_service(std::string_view text);

// "tcp", "udp", ... or the number.
std::string protocol_name(std::uint8_t protocol);
// "*", "22", "22,80-443".
std::string to_string(const std::vector<PortRange>& ports);

}  // namespace kernmesh::policy
