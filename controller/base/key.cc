// SPDX-License-Identifier: Apache-2.0
#include "controller/base/key.h"

#include <sodium.h>

#include <algorithm>

#include "controller/base/encoding.h"

namespace kernmesh {

template <typename Tag>
Result<PublicKey<Tag>> PublicKey<Tag>::from_bytes(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != kSize) {
    return Error(ErrorCode::kInvalid,
                 "a key has " + std::to_string(bytes.size()) + " bytes, not 32");
  }
  PublicKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

template <typename Tag>
Result<PublicKey<Tag>> PublicKey<Tag>::parse_base64(std::string_view text) {
  std::array<std::uint8_t, kSize> bytes{};
  if (!decode_base64(text, Base64::kStandard, bytes)) {
    return Error(ErrorCode::kInvalid,
                 "\"" + std::string(text.substr(0, 60)) + "\" is not a base64 key of 32 bytes");
  }
  return PublicKey(bytes);
}

template <typename Tag>
std::string to_string(const PublicKey<Tag>& key) {
  char text[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
  sodium_bin2base64(text, sizeof text, key.bytes().data(), key.bytes().size(),
                    sodium_base64_VARIANT_ORIGINAL);
  return text;
}

template <std::size_t N>
SecretBytes<N>::SecretBytes(std::span<const std::uint8_t, N> bytes) {
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

template <std::size_t N>
SecretBytes<N>::~SecretBytes() {
  sodium_memzero(bytes_.data(), bytes_.size());
}

template <std::size_t N>
bool SecretBytes<N>::operator==(const SecretBytes& other) const {
  return sodium_memcmp(bytes_.data(), other.bytes_.data(), N) == 0;
}

NodePublicKey node_public_key(const X25519SecretKey& secret) {
  std::array<std::uint8_t, 32> bytes{};
  crypto_scalarmult_base(bytes.data(), secret.bytes().data());
  return NodePublicKey(bytes);
}

DiscoPublicKey disco_public_key(const X25519SecretKey& secret) {
  return DiscoPublicKey(node_public_key(secret).bytes());
}

MachinePublicKey machine_public_key(const Ed25519SecretKey& secret) {
  std::array<std::uint8_t, 32> bytes{};
  crypto_sign_ed25519_sk_to_pk(bytes.data(), secret.bytes().data());
  return MachinePublicKey(bytes);
}

Signature sign(const Ed25519SecretKey& secret, std::span<const std::uint8_t> message) {
  Signature signature{};
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                       secret.bytes().data());
  return signature;
}

bool verify(const MachinePublicKey& key, std::span<const std::uint8_t> message,
            const Signature& signature) {
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     key.bytes().data()) == 0;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  text.pop_back();
  return text;
}

template class PublicKey<MachineKeyTag>;
template class PublicKey<NodeKeyTag>;
template class PublicKey<DiscoKeyTag>;
template class PublicKey<RelayKeyTag>;
template class PublicKey<TicketKeyTag>;
template std::string to_string(const PublicKey<MachineKeyTag>&);
template std::string to_string(const PublicKey<NodeKeyTag>&);
template std::string to_string(const PublicKey<DiscoKeyTag>&);
template std::string to_string(const PublicKey<RelayKeyTag>&);
template std::string to_string(const PublicKey<TicketKeyTag>&);
template class SecretBytes<32>;
template class SecretBytes<64>;

}  // namespace kernmesh
