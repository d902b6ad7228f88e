// SPDX-License-Identifier: Apache-2.0
// The coordination server's word that a node may use its relays, checked without asking it (L1,
// pure; docs/adr/0009). Big-endian:
//   version 1 (1) · network id 16 · node id 8 · disco key 32 · not after 8 (seconds since 1970) ·
//   most pairs 2 · Ed25519 signature 64, over "kernmesh relay ticket v1" and what stands before it
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/key.h"

namespace kernmesh::relay {

inline constexpr std::size_t kTicketBytes = 131;
using TicketBytes = std::array<std::uint8_t, kTicketBytes>;

// Names a network at a relay that serves several: the first 16 bytes of the SHA-256 of the server's
// ticket key.
using NetworkId = std::array<std::uint8_t, 16>;
NetworkId network_id(const TicketPublicKey& server);

TicketPublicKey ticket_public_key(const Ed25519SecretKey& secret);

struct Ticket {
  NetworkId network{};
  NodeId node;
  DiscoPublicKey client;
  WallTime not_after{};          // good up to and including this second
  std::uint16_t most_pairs = 0;  // how many peers the client may ask for at one relay
};

// `ticket.network` must be the signer's; asserts.
TicketBytes sign_ticket(const Ticket& ticket, const Ed25519SecretKey& server);

enum class TicketFault : std::uint8_t {
  kVersion,       // of a later server
  kNotAuthentic,  // another network's, or not signed by its server
  kExpired,
};
std::string_view to_string(TicketFault fault);

// Which network a ticket says that it is of; not yet checked.
NetworkId claimed_network(std::span<const std::uint8_t, kTicketBytes> bytes);

std::variant<Ticket, TicketFault> check_ticket(std::span<const std::uint8_t, kTicketBytes> bytes,
                                               const TicketPublicKey& server, WallTime now);

}  // namespace kernmesh::relay
