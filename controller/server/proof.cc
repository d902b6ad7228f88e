// SPDX-License-Identifier: Apache-2.0
#include "controller/server/proof.h"

#include <sodium.h>

#include <algorithm>

#include "controller/host/event_loop.h"

namespace kernmesh::server {
namespace {

bool is_known(const View& view, const MachinePublicKey& key) {
  return view.network.find(key) != nullptr ||
         std::any_of(view.relays.begin(), view.relays.end(),
                     [&](const auto& entry) { return entry.second.machine_key == key; });
}

}  // namespace

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
  return use_nonce(proof);
}

Status Proofs::use_nonce(const Proof& proof) {
  const bool known =
      directory_.read([&](const View& view) { return is_known(view, proof.machine_key); });
  const std::lock_guard lock(mutex_);
  auto& used = known ? used_by_known_ : used_by_strangers_;
  // A stranger who is let in is none when it comes again.
  const bool was_used =
      used_by_known_.contains(proof.nonce) || used_by_strangers_.contains(proof.nonce);
  if (!was_used && used.add(proof.nonce, host::mono_now())) return {};
  return Error(ErrorCode::kUnauthenticated, "the nonce was used already: ask for a new one");
}

std::string printable(std::string text, std::size_t most) {
  text.resize(std::min(text.size(), most));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

}  // namespace kernmesh::server
