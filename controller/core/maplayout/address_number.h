// SPDX-License-Identifier: Apache-2.0
// Addresses of both families on one line of 128-bit numbers, as the kernel's image orders them
// (L1, pure). IPv4 stands as ::ffff:a.b.c.d, and nothing of IPv6 stands there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "bpf/abi/addr.h"
#include "controller/base/ip.h"

namespace kernmesh::maplayout {

__extension__ using AddressNumber = unsigned __int128;

// The place of 0.0.0.0 and of 255.255.255.255 (RFC 4291, 2.5.5.2).
inline constexpr AddressNumber kV4First = AddressNumber{0xffff} << 32;
inline constexpr AddressNumber kV4Last = kV4First | 0xffffffffu;
inline constexpr AddressNumber kLastNumber = ~AddressNumber{0};

inline AddressNumber to_number(const IpAddress& address) {
  if (address.is_v4()) return kV4First | address.to_v4_number();
  AddressNumber number = 0;
  for (const std::uint8_t byte : address.bytes()) number = number << 8 | byte;
  return number;
}

// In network byte order.
inline mesh_addr to_mesh_addr(const IpAddress& address) {
  mesh_addr result{};
  std::uint8_t bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto& from = address.bytes();
  if (address.is_v4()) {
    std::copy_n(from.begin(), 4, bytes + 12);
  } else {
    std::copy(from.begin(), from.end(), bytes);
  }
  std::memcpy(&result, bytes, sizeof result);
  return result;
}

// The four bytes of an IPv4 address, as the image has them.
inline mesh_addr to_v4_mapped(__be32 address) {
  mesh_addr result{};
  const std::uint8_t ones[] = {0, 0, 0xff, 0xff};
  std::memcpy(&result.w[2], ones, sizeof ones);
  result.w[3] = address;
  return result;
}

inline bool is_v4(const mesh_addr& address) {
  const mesh_addr as_v4 = to_v4_mapped(address.w[3]);
  return std::memcmp(&address, &as_v4, sizeof address) == 0;
}

inline bool is_same(const mesh_addr& a, const mesh_addr& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace kernmesh::maplayout
