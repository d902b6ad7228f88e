// SPDX-License-Identifier: Apache-2.0
// From where a client reaches the relay, and what the relay may send to (L1, pure).
#pragma once

#include <compare>
#include <set>

#include "controller/base/ids.h"
#include "controller/base/ip.h"

namespace kernmesh::relay {

using StreamId = StrongId<struct StreamIdTag, std::uint64_t>;  // a TLS connection; 0: UDP

struct Origin {
  Endpoint client;  // as the relay sees it
  IpAddress local;  // the relay's address that it uses: answers leave from there
  StreamId stream;
  auto operator<=>(const Origin&) const = default;
};

// Addresses that no client can have. Loopback may be allowed, for tests; private ones are served
// unless the relay is for the Internet alone (docs/adr/0013).
struct Forbidden {
  std::set<IpAddress> own;  // the relay's
  enum class Loopback { kForbidden, kAllowed } loopback = Loopback::kForbidden;
  enum class Private { kForbidden, kServed } private_ones = Private::kServed;
};
// Also unspecified, link-local (with it 169.254.169.254), multicast, class E and broadcast,
// IPv4-mapped, the metadata service's IPv6 address, and port 0.
bool is_forbidden(const Endpoint& endpoint, const Forbidden& forbidden);

}  // namespace kernmesh::relay
