// SPDX-License-Identifier: Apache-2.0
#include "controller/server/proof.h"

#include <sodium.h>

#include <algorithm>

#include "controller/server/token.h"

namespace kernmesh::server {

std::string Proofs::nonce_for(const MachinePublicKey& key) {
  NonceSalt salt;
  randombytes_buf(salt.data(), salt.size());
  return directory_.read(
      [&](const View& view) { return make_nonce(view.meta.token_secret, key, clock_(), salt); });
}

Status Proofs::check(const Proof& proof) {
  MESH_TRY(directory_.read([&](const View& view) {
    return check_nonce(view.meta.token_secret, proof.nonce, proof.machine_key, clock_());
  }));
  Signature signature{};
  const bool whole = proof.signature.size() == signature.size();
  if (whole) std::copy(proof.signature.begin(), proof.signature.end(), signature.begin());
  if (!whole || !verify(proof.machine_key, proof.message, signature)) {
    return Error(ErrorCode::kUnauthenticated, "the signature by the machine key does not verify");
  }
  return use_nonce(proof.nonce);
}

// Only nonces under a valid signature come here, so a stranger cannot fill the memory for free.
Status Proofs::use_nonce(const std::string& nonce) {
  const std::lock_guard lock(mutex_);
  const WallTime now = clock_();
  if (used_.size() >= kMaxUsedNonces) {
    std::erase_if(used_, [&](const auto& used) { return used.second < now; });
  }
  if (used_.size() >= kMaxUsedNonces) {
    return Error(ErrorCode::kExhausted, "too many registrations: try again in a minute");
  }
  // Twice the lifetime, so that a small step back of the clock opens nothing.
  if (!used_.emplace(nonce, now + 2 * kNonceLifetime).second) {
    return Error(ErrorCode::kUnauthenticated, "the nonce was used already: ask for a new one");
  }
  return {};
}

std::string printable(std::string text, std::size_t most) {
  text.resize(std::min(text.size(), most));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

}  // namespace kernmesh::server
