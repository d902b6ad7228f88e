// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/own_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "controller/core/path/candidate.h"

namespace kernmesh::relay {

std::set<IpAddress> own_addresses() {
  std::set<IpAddress> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      out.insert(IpAddress::from_v4_number(ntohl(v4->sin_addr.s_addr)));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      std::array<std::uint8_t, 16> bytes;
      std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr,
                  bytes.size());
      out.insert(IpAddress::from_v6_bytes(bytes));
    }
  }
  freeifaddrs(list);
  return out;
}

std::vector<Endpoint> own_endpoints(Port port) {
  constexpr std::size_t kMost = 8;  // as many as the server takes
  std::vector<Endpoint> endpoints;
  for (const auto& address : own_addresses()) {
    const Endpoint endpoint{address, port};
    if (endpoints.size() < kMost && path::is_usable(endpoint, path::Loopback::kRefuse, {}))
      endpoints.push_back(endpoint);
  }
  return endpoints;
}

}  // namespace kernmesh::relay
