// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/ticket.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>

#include "controller/base/byte_order.h"

namespace kernmesh::relay {
namespace {

constexpr std::uint8_t kTicketVersion = 1;
constexpr std::size_t kNetworkAt = 1;
constexpr std::size_t kSignedBytes = kTicketBytes - crypto_sign_BYTES;
constexpr std::string_view kTicketLabel = "kernmesh relay ticket v1";

Bytes labelled(std::span<const std::uint8_t> content) {
  Bytes out(kTicketLabel.begin(), kTicketLabel.end());
  put_bytes(out, content);
  return out;
}

}  // namespace

NetworkId network_id(const TicketPublicKey& server) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256(digest.data(), server.bytes().data(), server.bytes().size());
  NetworkId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

TicketPublicKey ticket_public_key(const Ed25519SecretKey& secret) {
  return TicketPublicKey(machine_public_key(secret).bytes());
}

TicketBytes sign_ticket(const Ticket& ticket, const Ed25519SecretKey& server) {
  assert(ticket.network == network_id(ticket_public_key(server)));
  Bytes content;
  content.push_back(kTicketVersion);
  put_bytes(content, ticket.network);
  put_number(content, ticket.node.value(), 8);
  put_bytes(content, ticket.client.bytes());
  put_number(content, static_cast<std::uint64_t>(ticket.not_after.time_since_epoch().count()), 8);
  put_number(content, ticket.most_pairs, 2);
  const Signature signature = sign(server, labelled(content));
  TicketBytes out;
  const auto end = std::copy(content.begin(), content.end(), out.begin());
  std::copy(signature.begin(), signature.end(), end);
  return out;
}

std::string_view to_string(TicketFault fault) {
  switch (fault) {
    case TicketFault::kVersion:
      return "unknown version";
    case TicketFault::kNotAuthentic:
      return "not authentic";
    case TicketFault::kExpired:
      return "expired";
  }
  return "unknown";
}

NetworkId claimed_network(std::span<const std::uint8_t, kTicketBytes> bytes) {
  NetworkId id;
  std::copy_n(bytes.begin() + kNetworkAt, id.size(), id.begin());
  return id;
}

std::variant<Ticket, TicketFault> check_ticket(std::span<const std::uint8_t, kTicketBytes> bytes,
                                               const TicketPublicKey& server, WallTime now) {
  if (bytes[0] != kTicketVersion) return TicketFault::kVersion;
  if (claimed_network(bytes) != network_id(server)) return TicketFault::kNotAuthentic;
  const Bytes content = labelled(bytes.first<kSignedBytes>());
  if (crypto_sign_verify_detached(bytes.data() + kSignedBytes, content.data(), content.size(),
                                  server.bytes().data()) != 0) {
    return TicketFault::kNotAuthentic;
  }
  ByteReader reader(bytes.subspan<kNetworkAt>());
  Ticket ticket;
  ticket.network = reader.take<16>();
  ticket.node = NodeId(reader.take_number<8>());
  ticket.client = DiscoPublicKey(reader.take<32>());
  ticket.not_after =
      WallTime(std::chrono::seconds(static_cast<std::int64_t>(reader.take_number<8>())));
  ticket.most_pairs = static_cast<std::uint16_t>(reader.take_number<2>());
  if (now > ticket.not_after) return TicketFault::kExpired;
  return ticket;
}

}  // namespace kernmesh::relay
