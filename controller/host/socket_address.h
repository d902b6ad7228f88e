// SPDX-License-Identifier: Apache-2.0
// Endpoints as the kernel's socket calls take and give them (L2).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "controller/base/ip.h"

namespace kernmesh::host {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_sockaddr(const Endpoint& endpoint);

IpAddress from_in6(const in6_addr& address);
// Of either IP family.
Endpoint from_sockaddr(const sockaddr_storage& storage);

}  // namespace kernmesh::host
