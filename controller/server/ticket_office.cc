// SPDX-License-Identifier: Apache-2.0
#include "controller/server/ticket_office.h"

namespace kernmesh::server {

TicketOffice::TicketOffice(const Ed25519SecretKey& key)
    : key_(key),
      public_key_(relay::ticket_public_key(key)),
      network_(relay::network_id(public_key_)) {}

relay::TicketBytes TicketOffice::ticket_for(NodeId node, const DiscoPublicKey& disco,
                                            WallTime now) const {
  // Neighbouring ids lie far apart in the day: the multiplier is odd and large (Knuth, TAOCP 6.4).
  const std::chrono::seconds day = kTicketRenewal;
  const std::chrono::seconds offset(node.value() * 2654435761U % 86'400);
  const auto since = now.time_since_epoch() + offset;
  const WallTime renewal(since - since % day + day - offset);
  return relay::sign_ticket({network_, node, disco, renewal + kTicketReserve, kMostPairs}, key_);
}

}  // namespace kernmesh::server
