// SPDX-License-Identifier: Apache-2.0
#include "controller/host/socket_address.h"

#include <array>
#include <cstring>

namespace kernmesh::host {

SocketAddress to_sockaddr(const Endpoint& endpoint) {
  SocketAddress result;
  if (endpoint.address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(endpoint.port.value());
    v4->sin_addr.s_addr = htonl(endpoint.address.to_v4_number());
    result.length = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(endpoint.port.value());
    std::memcpy(&v6->sin6_addr, endpoint.address.bytes().data(), 16);
    result.length = sizeof *v6;
  }
  return result;
}

IpAddress from_in6(const in6_addr& address) {
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::from_v6_bytes(bytes);
}

Endpoint from_sockaddr(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    return {IpAddress::from_v4_number(ntohl(v4.sin_addr.s_addr)), Port(ntohs(v4.sin_port))};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  return {from_in6(v6.sin6_addr), Port(ntohs(v6.sin6_port))};
}

}  // namespace kernmesh::host
