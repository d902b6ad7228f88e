// SPDX-License-Identifier: Apache-2.0
// Fixed keys and times for the relay's tests (test support).
#pragma once

#include <sodium.h>

#include "controller/base/clock.h"
#include "controller/base/key.h"

namespace kernmesh::relay {

template <std::size_t N>
SecretBytes<N> filled(std::uint8_t fill) {
  SecretBytes<N> secret;
  for (auto& byte : secret.mutable_bytes()) byte = fill;
  return secret;
}

inline Ed25519SecretKey signing_key(std::uint8_t fill) {
  const auto seed = filled<32>(fill);
  Ed25519SecretKey secret;
  std::array<std::uint8_t, 32> unused;
  crypto_sign_seed_keypair(unused.data(), secret.mutable_bytes().data(), seed.bytes().data());
  return secret;
}

inline WallTime at_second(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

inline const Ed25519SecretKey kServer = signing_key(41);
inline const Ed25519SecretKey kOtherServer = signing_key(42);

}  // namespace kernmesh::relay
