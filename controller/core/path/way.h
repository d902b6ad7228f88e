// SPDX-License-Identifier: Apache-2.0
// One way to a peer, as a value (L1, pure): straight to an endpoint of the peer's, or through a
// relay, by the relay's endpoint and the channel that it gave to this pair of nodes.
#pragma once

#include <compare>
#include <string>

#include "controller/base/ip.h"
#include "controller/core/relay/data_header.h"

namespace kernmesh::path {

struct Way {
  Endpoint endpoint;       // the peer's, or the relay's
  relay::Channel channel;  // 0: direct

  Way() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): an endpoint alone is the direct way there
  Way(const Endpoint& direct) : endpoint(direct) {}
  Way(const Endpoint& relay, relay::Channel relayed) : endpoint(relay), channel(relayed) {}

  bool is_relayed() const { return channel != relay::Channel{}; }
  auto operator<=>(const Way&) const = default;
};

// "192.0.2.1:4500", or "relay 192.0.2.9:3478 channel 7".
inline std::string to_string(const Way& way) {
  if (!way.is_relayed()) return kernmesh::to_string(way.endpoint);
  return "relay " + kernmesh::to_string(way.endpoint) + " channel " +
         kernmesh::to_string(way.channel);
}

}  // namespace kernmesh::path
