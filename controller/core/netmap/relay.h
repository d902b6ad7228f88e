// SPDX-License-Identifier: Apache-2.0
// A relay as the server describes it to nodes (L1, pure values).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/core/relay/home.h"
#include "controller/core/relay/ticket.h"

namespace kernmesh::netmap {

using relay::RelayId;

struct Relay {
  RelayId id;
  std::string name;
  std::string region;  // may be empty
  RelayPublicKey key;
  std::vector<Endpoint> endpoints;  // UDP: control, data and STUN; as the relay reports them
  Port tls_port;                    // at the same addresses; 0: none
  bool draining = false;
  bool online = false;  // a hint for people: nodes find out by themselves
  bool operator==(const Relay&) const = default;
};

// How a node meets peers that it cannot reach straight. Changes as a whole.
struct Relays {
  std::map<RelayId, Relay> known;
  std::optional<relay::TicketBytes> ticket;  // the server's word to them for this node
  bool operator==(const Relays&) const = default;
};

// The relay that is reached there; null: none. Borrowed.
const Relay* relay_at(const Relays& relays, const Endpoint& endpoint);

}  // namespace kernmesh::netmap
