// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/relay.h"

#include <algorithm>

namespace kernmesh::netmap {

const Relay* relay_at(const Relays& relays, const Endpoint& endpoint) {
  for (const auto& entry : relays.known) {
    const Relay& relay = entry.second;
    const auto is_there = [&relay, &endpoint](const Endpoint& place) {
      return place == endpoint || (relay.tls_port != Port() && place.address == endpoint.address &&
                                   relay.tls_port == endpoint.port);
    };
    if (std::any_of(relay.endpoints.begin(), relay.endpoints.end(), is_there)) return &relay;
  }
  return nullptr;
}

}  // namespace kernmesh::netmap
