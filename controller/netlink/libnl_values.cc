// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/libnl_values.h"

#include <sys/socket.h>

#include <algorithm>

namespace kernmesh::netlink {

nl_addr* to_nl_addr(const IpAddress& address, int prefix_length) {
  nl_addr* addr =
      nl_addr_build(to_af(address.family()), address.bytes().data(), address.is_v4() ? 4 : 16);
  if (addr != nullptr) nl_addr_set_prefixlen(addr, prefix_length);
  return addr;
}

std::optional<IpAddress> from_nl_addr(const nl_addr* addr) {
  if (addr == nullptr) return std::nullopt;
  const auto* bytes = static_cast<const std::uint8_t*>(nl_addr_get_binary_addr(addr));
  const unsigned length = nl_addr_get_len(addr);
  std::array<std::uint8_t, 16> buffer{};
  if (length > buffer.size()) return std::nullopt;
  std::copy_n(bytes, length, buffer.begin());  // a default route's address has length 0
  switch (nl_addr_get_family(addr)) {
    case AF_INET:
      return IpAddress::from_v4_bytes({buffer[0], buffer[1], buffer[2], buffer[3]});
    case AF_INET6:
      return IpAddress::from_v6_bytes(buffer);
    default:
      return std::nullopt;
  }
}

int to_af(IpFamily family) { return family == IpFamily::kV4 ? AF_INET : AF_INET6; }

}  // namespace kernmesh::netlink
