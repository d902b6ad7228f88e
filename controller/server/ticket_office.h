// SPDX-License-Identifier: Apache-2.0
// Tickets by which nodes use the relays (L3, immutable and so thread-safe).
#pragma once

#include "controller/core/netmap/relay.h"
#include "controller/server/directory.h"

namespace kernmesh::server {

// A ticket is good for seven to eight days and a node gets a new one every day, so that it can be
// without the server for a week. Nodes change theirs at different hours.
inline constexpr auto kTicketRenewal = std::chrono::days(1);
inline constexpr auto kTicketReserve = std::chrono::days(7);
// Peers that a node may ask for at one relay (core/relay/pairing.h, wishes_of_client).
inline constexpr std::uint16_t kMostPairs = 1024;

class TicketOffice {
 public:
  explicit TicketOffice(const Ed25519SecretKey& key);
  const TicketPublicKey& key() const { return public_key_; }

  // The same for every moment between two renewals, so that what a node holds can be compared.
  relay::TicketBytes ticket_for(NodeId node, const DiscoPublicKey& disco, WallTime now) const;

 private:
  Ed25519SecretKey key_;
  TicketPublicKey public_key_;
  relay::NetworkId network_;
};

}  // namespace kernmesh::server
