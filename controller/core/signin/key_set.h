// SPDX-License-Identifier: Apache-2.0
// The provider's public keys (L1, pure; RFC 7517, RFC 7518 section 6, RFC 8037), and which of them
// is to check a token.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/base/result.h"
#include "controller/core/signin/jws.h"

namespace kernmesh::signin {

// Providers publish two to eight; Azure, with the most, some fifteen.
inline constexpr std::size_t kMostKeys = 64;
inline constexpr std::size_t kMostKeySetBytes = 256 * 1024;

// Numbers are big-endian. 2,048 to 8,192 bits, an odd exponent from 3 to 2^32: below is weak (RFC
// 7518 section 3.3), above is work for whoever checks.
struct RsaKey {
  Bytes modulus;
  Bytes exponent;
  bool operator==(const RsaKey&) const = default;
};
// Whether the point is on the curve is for whoever checks signatures to see.
struct P256Key {
  std::array<std::uint8_t, 32> x{}, y{};
  bool operator==(const P256Key&) const = default;
};
struct Ed25519Key {
  std::array<std::uint8_t, 32> x{};
  bool operator==(const Ed25519Key&) const = default;
};

struct VerificationKey {
  std::string id;                      // empty: none
  std::optional<Algorithm> algorithm;  // that the set pins it to
  std::variant<RsaKey, P256Key, Ed25519Key> material;
  bool operator==(const VerificationKey&) const = default;
};

struct KeySet {
  std::vector<VerificationKey> keys;
  std::size_t ignored = 0;  // for encryption, secret, too weak, malformed or of an unknown kind
};

// kInvalid when it is no key set or has too many keys. A key that is of no use here is left out, as
// RFC 7517 section 5 wants, so a set may come out empty. Symmetric keys are never taken.
Result<KeySet> parse_key_set(std::string_view text);

// The key for this token: the one that suits its algorithm and has its key id; without a key id the
// only one that suits. kNotFound when there is none: the provider may have a newer set. kConflict
// when there are several: the token is refused instead of tried with each.
Result<VerificationKey> choose_key(const KeySet& set, const Jws& token);

}  // namespace kernmesh::signin
