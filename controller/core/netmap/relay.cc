// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/relay.h"

#include <algorithm>

namespace kernmesh::netmap {

const Relay* relay_at(const Relays& relays, const Endpoint& endpoint) {
  for (const auto& [id, relay] : relays.known) {
    const auto& places = relay.endpoints;
    if (std::find(places.begin(), places.end(), endpoint) != places.end()) return &relay;
  }
  return nullptr;
}

}  // namespace kernmesh::netmap
