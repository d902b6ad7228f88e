// SPDX-License-Identifier: Apache-2.0
// What a machine signs to prove itself to a server (L1, pure). The CA fingerprint in it makes the
// proof useless to any other server, the nonce makes it useless a second time.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/key.h"

namespace kernmesh::topology {

using CaFingerprint = std::array<std::uint8_t, 32>;  // SHA-256 of the CA certificate's DER form

// label || fingerprint || u16 nonce length (big-endian) || nonce || node key || disco key, where
// label is "kernmesh register v1" without a terminator.
std::vector<std::uint8_t> registration_message(const CaFingerprint& ca,
                                               std::span<const std::uint8_t> nonce,
                                               const NodePublicKey& node_key,
                                               const DiscoPublicKey& disco_key);

// The same for a relay: label "kernmesh register relay v1", and its X25519 key in place of the two.
std::vector<std::uint8_t> relay_registration_message(const CaFingerprint& ca,
                                                     std::span<const std::uint8_t> nonce,
                                                     const RelayPublicKey& relay_key);

// A join key or administrator token: "mk-" or "ma-", then base64url without padding of
// fingerprint(32) || secret(32). Only the secret's hash is ever stored.
enum class TicketKind { kJoinKey, kAdminToken };
struct Ticket {
  TicketKind kind = TicketKind::kJoinKey;
  CaFingerprint ca{};
  SecretBytes<32> secret;
};
std::string to_string(const Ticket& ticket);
// The error never repeats the text, which may be nearly a secret.
Result<Ticket> parse_ticket(std::string_view text);

// SHA-256 of the secret, which has 256 bits of entropy, so no salt or stretching is called for.
std::array<std::uint8_t, 32> ticket_hash(const Ticket& ticket);

// 64 hexadecimal digits, colons allowed between bytes as openssl prints them.
Result<CaFingerprint> parse_fingerprint(std::string_view text);

}  // namespace kernmesh::topology
