// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/registration.h"

#include <sodium.h>

#include <algorithm>

#include "controller/base/encoding.h"

namespace kernmesh::topology {
namespace {

constexpr std::string_view kLabel = "kernmesh register v1";
constexpr std::string_view kRelayLabel = "kernmesh register relay v1";
constexpr std::string_view kJoinPrefix = "mk-";
constexpr std::string_view kAdminPrefix = "ma-";
constexpr std::size_t kTicketBytes = 64;
constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

// What both kinds of registration begin with.
std::vector<std::uint8_t> message_head(std::string_view label, const CaFingerprint& ca,
                                       std::span<const std::uint8_t> nonce) {
  std::vector<std::uint8_t> message(label.begin(), label.end());
  message.insert(message.end(), ca.begin(), ca.end());
  message.push_back(static_cast<std::uint8_t>(nonce.size() >> 8));
  message.push_back(static_cast<std::uint8_t>(nonce.size()));
  message.insert(message.end(), nonce.begin(), nonce.end());
  return message;
}

}  // namespace

std::vector<std::uint8_t> registration_message(const CaFingerprint& ca,
                                               std::span<const std::uint8_t> nonce,
                                               const NodePublicKey& node_key,
                                               const DiscoPublicKey& disco_key) {
  auto message = message_head(kLabel, ca, nonce);
  message.insert(message.end(), node_key.bytes().begin(), node_key.bytes().end());
  message.insert(message.end(), disco_key.bytes().begin(), disco_key.bytes().end());
  return message;
}

std::vector<std::uint8_t> relay_registration_message(const CaFingerprint& ca,
                                                     std::span<const std::uint8_t> nonce,
                                                     const RelayPublicKey& relay_key) {
  auto message = message_head(kRelayLabel, ca, nonce);
  message.insert(message.end(), relay_key.bytes().begin(), relay_key.bytes().end());
  return message;
}

std::string to_string(const Ticket& ticket) {
  SecretBytes<kTicketBytes> raw;
  auto bytes = raw.mutable_bytes();
  std::copy(ticket.ca.begin(), ticket.ca.end(), bytes.begin());
  std::copy(ticket.secret.bytes().begin(), ticket.secret.bytes().end(), bytes.begin() + 32);
  char text[sodium_base64_ENCODED_LEN(kTicketBytes, kVariant)];
  sodium_bin2base64(text, sizeof text, bytes.data(), bytes.size(), kVariant);
  std::string result(ticket.kind == TicketKind::kJoinKey ? kJoinPrefix : kAdminPrefix);
  result += text;
  sodium_memzero(text, sizeof text);
  return result;
}

Result<Ticket> parse_ticket(std::string_view text) {
  Ticket ticket;
  if (text.starts_with(kAdminPrefix)) {
    ticket.kind = TicketKind::kAdminToken;
  } else if (!text.starts_with(kJoinPrefix)) {
    return Error(ErrorCode::kInvalid,
                 "a join key starts with \"mk-\" and an administrator token with \"ma-\"");
  }
  const std::string_view body = text.substr(kJoinPrefix.size());
  SecretBytes<kTicketBytes> raw;
  auto bytes = raw.mutable_bytes();
  if (!decode_base64(body, Base64::kUrlNoPadding, bytes)) {
    return Error(ErrorCode::kInvalid,
                 "the key or token is cut short or mistyped: after its prefix come 86 "
                 "characters of base64url, this one has " +
                     std::to_string(body.size()));
  }
  std::copy(bytes.begin(), bytes.begin() + 32, ticket.ca.begin());
  std::copy(bytes.begin() + 32, bytes.end(), ticket.secret.mutable_bytes().begin());
  return ticket;
}

std::array<std::uint8_t, 32> ticket_hash(const Ticket& ticket) {
  std::array<std::uint8_t, 32> hash{};
  crypto_hash_sha256(hash.data(), ticket.secret.bytes().data(), ticket.secret.bytes().size());
  return hash;
}

Result<CaFingerprint> parse_fingerprint(std::string_view text) {
  CaFingerprint fingerprint{};
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_hex2bin(fingerprint.data(), fingerprint.size(), text.data(), text.size(), ":", &size,
                     &end) != 0 ||
      size != fingerprint.size() || end != text.data() + text.size()) {
    return Error(ErrorCode::kInvalid,
                 "a CA fingerprint is SHA-256 in hexadecimal: 64 digits, colons allowed");
  }
  return fingerprint;
}

}  // namespace kernmesh::topology
