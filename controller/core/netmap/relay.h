// SPDX-License-Identifier: Apache-2.0
// A relay as the server describes it to nodes (L1, pure values).
#pragma once

#include <array>
#include <cstdint>
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

// SHA-256 of a certificate (DER).
using CertificateFingerprint = std::array<std::uint8_t, 32>;

struct Relay {
  RelayId id;
  std::string name;
  std::string region;  // may be empty
  RelayPublicKey key;
  std::vector<Endpoint> endpoints;  // UDP: control, data and STUN; as the relay reports them
  Port tls_port;                    // at the same addresses; 0: none
  CertificateFingerprint tls_fingerprint{};  // of what tls_port presents
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

// The relay that is reached there, by UDP or TLS; null: none. Borrowed.
const Relay* relay_at(const Relays& relays, const Endpoint& endpoint);
// Of an endpoint of the relay's. Its TLS port is never the port of one of its UDP endpoints.
inline bool is_over_tls(const Relay& relay, const Endpoint& endpoint) {
  return relay.tls_port != Port() && endpoint.port == relay.tls_port;
}

}  // namespace kernmesh::netmap
