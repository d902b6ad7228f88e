// SPDX-License-Identifier: Apache-2.0
// Key material as types (L0, libsodium for wiping, comparison and text forms). Making keys needs
// randomness and lives in the shells; deriving a public key from a secret one is pure and lives
// here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh {

// 32 public bytes of one kind of key. Text form: base64 as `wg` prints it (RFC 4648, with padding).
template <typename Tag>
class PublicKey {
 public:
  static constexpr std::size_t kSize = 32;
  constexpr PublicKey() = default;
  constexpr explicit PublicKey(const std::array<std::uint8_t, kSize>& bytes) : bytes_(bytes) {}

  static Result<PublicKey> from_bytes(std::span<const std::uint8_t> bytes);
  static Result<PublicKey> parse_base64(std::string_view text);

  constexpr const std::array<std::uint8_t, kSize>& bytes() const { return bytes_; }
  bool is_zero() const { return bytes_ == std::array<std::uint8_t, kSize>{}; }
  constexpr auto operator<=>(const PublicKey&) const = default;

 private:
  std::array<std::uint8_t, kSize> bytes_{};
};

template <typename Tag>
std::string to_string(const PublicKey<Tag>& key);

struct MachineKeyTag;  // Ed25519: names the node for ever (RFC 8032)
struct NodeKeyTag;     // X25519: WireGuard's static key (RFC 7748)
struct DiscoKeyTag;    // X25519: seals path-discovery messages
struct RelayKeyTag;    // X25519: a relay's, seals its control messages
struct TicketKeyTag;   // Ed25519: the server's, signs tickets for relays
using MachinePublicKey = PublicKey<MachineKeyTag>;
using NodePublicKey = PublicKey<NodeKeyTag>;
using DiscoPublicKey = PublicKey<DiscoKeyTag>;
using RelayPublicKey = PublicKey<RelayKeyTag>;
using TicketPublicKey = PublicKey<TicketKeyTag>;

// N secret bytes that are wiped when they go, cannot be printed, and compare in constant time.
template <std::size_t N>
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::span<const std::uint8_t, N> bytes);
  SecretBytes(const SecretBytes& other) = default;
  SecretBytes& operator=(const SecretBytes& other) = default;
  ~SecretBytes();

  std::span<const std::uint8_t, N> bytes() const { return bytes_; }
  std::span<std::uint8_t, N> mutable_bytes() { return bytes_; }
  bool operator==(const SecretBytes& other) const;

 private:
  std::array<std::uint8_t, N> bytes_{};
};

using X25519SecretKey = SecretBytes<32>;
using Ed25519SecretKey = SecretBytes<64>;  // libsodium's form: seed and public key

NodePublicKey node_public_key(const X25519SecretKey& secret);
DiscoPublicKey disco_public_key(const X25519SecretKey& secret);
MachinePublicKey machine_public_key(const Ed25519SecretKey& secret);

using Signature = std::array<std::uint8_t, 64>;
Signature sign(const Ed25519SecretKey& secret, std::span<const std::uint8_t> message);
bool verify(const MachinePublicKey& key, std::span<const std::uint8_t> message,
            const Signature& signature);

// Lower-case hexadecimal.
std::string to_hex(std::span<const std::uint8_t> bytes);

extern template class PublicKey<MachineKeyTag>;
extern template class PublicKey<NodeKeyTag>;
extern template class PublicKey<DiscoKeyTag>;
extern template class PublicKey<RelayKeyTag>;
extern template class PublicKey<TicketKeyTag>;
extern template class SecretBytes<32>;
extern template class SecretBytes<64>;

}  // namespace kernmesh

template <typename Tag>
struct std::hash<kernmesh::PublicKey<Tag>> {
  std::size_t operator()(const kernmesh::PublicKey<Tag>& key) const noexcept {
    return std::hash<std::string_view>{}(
        std::string_view(reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size()));
  }
};
