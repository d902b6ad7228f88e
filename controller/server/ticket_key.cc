// SPDX-License-Identifier: Apache-2.0
#include "controller/server/ticket_key.h"

#include <sodium.h>

#include <algorithm>

namespace kernmesh::server {
namespace {

constexpr const char* kFile = "ticket.key";

}  // namespace

Result<Ed25519SecretKey> open_ticket_key(const StateDir& state) {
  Ed25519SecretKey key;
  auto stored = state.read(kFile);
  if (stored) {
    if (stored->size() != key.bytes().size()) {
      return Error(ErrorCode::kCorrupt, state.path_of(kFile) + " has " +
                                            std::to_string(stored->size()) +
                                            " bytes, not 64: restore it from a backup");
    }
    std::copy(stored->begin(), stored->end(), key.mutable_bytes().begin());
    sodium_memzero(stored->data(), stored->size());
    return key;
  }
  if (stored.error().code() != ErrorCode::kNotFound) return stored.error();
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> unused{};
  crypto_sign_keypair(unused.data(), key.mutable_bytes().data());
  std::string bytes(key.bytes().begin(), key.bytes().end());
  const Status written = state.write(kFile, bytes, FileMode::kPrivate);
  sodium_memzero(bytes.data(), bytes.size());
  if (!written) return written.error();
  return key;
}

}  // namespace kernmesh::server
