// SPDX-License-Identifier: Apache-2.0
#include "controller/server/token.h"

#include <sodium.h>

#include <algorithm>
#include <span>
#include <vector>

#include "controller/base/encoding.h"

namespace kernmesh::server {
namespace {

using Mac = std::array<std::uint8_t, 32>;
constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::size_t kNonceBytes = 8 + 16 + 32;
constexpr std::size_t kTokenBytes = 8 + 8 + 32 + 32;
// A server whose clock was set back a little still knows its own nonces.
constexpr auto kClockSlack = std::chrono::seconds(5);

// Keyed BLAKE2b. The label keeps one kind of token from being taken for another.
Mac mac(const SecretBytes<32>& secret, std::string_view label,
        std::span<const std::uint8_t> message) {
  crypto_generichash_state state;
  Mac result{};
  crypto_generichash_init(&state, secret.bytes().data(), secret.bytes().size(), result.size());
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(label.data()),
                            label.size());
  crypto_generichash_update(&state, message.data(), message.size());
  crypto_generichash_final(&state, result.data(), result.size());
  return result;
}

void append(std::vector<std::uint8_t>& bytes, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(number >> shift));
  }
}

std::uint64_t number_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | bytes[offset + i];
  return number;
}

Mac nonce_mac(const SecretBytes<32>& secret, std::span<const std::uint8_t> head,
              const MachinePublicKey& key) {
  std::vector<std::uint8_t> message(head.begin(), head.end());
  message.insert(message.end(), key.bytes().begin(), key.bytes().end());
  return mac(secret, "kernmesh nonce v1", message);
}

Error unauthenticated(const char* why) { return {ErrorCode::kUnauthenticated, why}; }

constexpr std::string_view kNodeLabel = "kernmesh session v1";
constexpr std::string_view kRelayLabel = "kernmesh relay session v1";

struct Holder {
  std::uint64_t id = 0;
  MachinePublicKey machine_key;
  WallTime expires_at{};
};

std::string make_token(const SecretBytes<32>& secret, std::string_view label,
                       const Holder& holder) {
  std::vector<std::uint8_t> bytes;
  append(bytes, holder.id);
  append(bytes, static_cast<std::uint64_t>(holder.expires_at.time_since_epoch().count()));
  const auto& key = holder.machine_key.bytes();
  bytes.insert(bytes.end(), key.begin(), key.end());
  const Mac tag = mac(secret, label, bytes);
  bytes.insert(bytes.end(), tag.begin(), tag.end());
  char text[sodium_base64_ENCODED_LEN(kTokenBytes, kVariant)];
  sodium_bin2base64(text, sizeof text, bytes.data(), bytes.size(), kVariant);
  return text;
}

Result<Holder> check_token(const SecretBytes<32>& secret, std::string_view label,
                           std::string_view token, WallTime now) {
  std::array<std::uint8_t, kTokenBytes> bytes{};
  if (!decode_base64(token, Base64::kUrlNoPadding, bytes)) {
    return unauthenticated("a session token is needed: register first");
  }
  const Mac tag = mac(secret, label, std::span(bytes).first(48));
  if (sodium_memcmp(tag.data(), bytes.data() + 48, tag.size()) != 0) {
    return unauthenticated("the session token is not of this server: register again");
  }
  Holder holder;
  holder.id = number_at(bytes, 0);
  holder.expires_at =
      WallTime(std::chrono::seconds(static_cast<std::int64_t>(number_at(bytes, 8))));
  std::array<std::uint8_t, 32> key{};
  std::copy_n(bytes.begin() + 16, key.size(), key.begin());
  holder.machine_key = MachinePublicKey(key);
  if (now >= holder.expires_at) {
    return unauthenticated("the session token has expired: register again");
  }
  return holder;
}

}  // namespace

std::string make_nonce(const SecretBytes<32>& secret, const MachinePublicKey& key, WallTime now,
                       const NonceSalt& salt) {
  std::vector<std::uint8_t> bytes;
  append(bytes, static_cast<std::uint64_t>(now.time_since_epoch().count()));
  bytes.insert(bytes.end(), salt.begin(), salt.end());
  const Mac tag = nonce_mac(secret, bytes, key);
  bytes.insert(bytes.end(), tag.begin(), tag.end());
  return {bytes.begin(), bytes.end()};
}

Status check_nonce(const SecretBytes<32>& secret, std::string_view nonce,
                   const MachinePublicKey& key, WallTime now) {
  const std::vector<std::uint8_t> bytes(nonce.begin(), nonce.end());
  if (bytes.size() != kNonceBytes) return unauthenticated("the nonce is not of this server");
  const Mac tag = nonce_mac(secret, std::span(bytes).first(24), key);
  if (sodium_memcmp(tag.data(), bytes.data() + 24, tag.size()) != 0) {
    return unauthenticated("the nonce is not of this server or not for this machine key");
  }
  const WallTime made{std::chrono::seconds(static_cast<std::int64_t>(number_at(bytes, 0)))};
  if (now > made + kNonceLifetime || now + kClockSlack < made) {
    return unauthenticated("the nonce is too old: ask for a new one");
  }
  return {};
}

std::string make_session_token(const SecretBytes<32>& secret, const Session& session) {
  return make_token(secret, kNodeLabel,
                    {session.node.value(), session.machine_key, session.expires_at});
}

Result<Session> check_session_token(const SecretBytes<32>& secret, std::string_view token,
                                    WallTime now) {
  MESH_TRY_ASSIGN(const auto holder, check_token(secret, kNodeLabel, token, now));
  return Session{NodeId(holder.id), holder.machine_key, holder.expires_at};
}

std::string make_relay_token(const SecretBytes<32>& secret, const RelaySession& session) {
  return make_token(secret, kRelayLabel,
                    {session.relay.value(), session.machine_key, session.expires_at});
}

Result<RelaySession> check_relay_token(const SecretBytes<32>& secret, std::string_view token,
                                       WallTime now) {
  MESH_TRY_ASSIGN(const auto holder, check_token(secret, kRelayLabel, token, now));
  return RelaySession{relay::RelayId(static_cast<std::uint32_t>(holder.id)), holder.machine_key,
                      holder.expires_at};
}

}  // namespace kernmesh::server
