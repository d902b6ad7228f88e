// SPDX-License-Identifier: Apache-2.0
// Who registers proves that it has the machine key it names (L3, thread-safe): it signs a nonce of
// this server, once.
#pragma once

#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "controller/base/key.h"
#include "controller/server/directory.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/token.h"
#include "controller/server/used_nonces.h"

namespace kernmesh::server {

// Used nonces that are remembered, of machines of the network and of all others each: as many as
// ten thousand nodes use that come back ten times within the time that one is good for.
inline constexpr std::size_t kMaxUsedNonces = 100'000;

class Proofs {
 public:
  Proofs(const Directory& directory, WallClock clock)
      : directory_(directory), clock_(std::move(clock)) {}

  std::string nonce_for(const MachinePublicKey& key);

  // As it came.
  struct Proof {
    MachinePublicKey machine_key;
    const std::string& nonce;
    const std::string& signature;
    std::vector<std::uint8_t> message;  // that was to be signed
  };
  // kUnauthenticated when the nonce is not ours, not for this key, too old or used, or the
  // signature does not verify.
  Status check(const Proof& proof);

 private:
  Status use_nonce(const Proof& proof);

  const Directory& directory_;
  WallClock clock_;
  std::mutex mutex_;
  // Twice the lifetime, so that a small step back of the clock opens nothing. Apart, so that a
  // stranger, who makes keys as he likes, makes no nonce of the network's machines forgotten.
  UsedNonces used_by_known_{kMaxUsedNonces, 2 * kNonceLifetime};
  UsedNonces used_by_strangers_{kMaxUsedNonces, 2 * kNonceLifetime};
};

// What a client says of itself, for people: cut, and without characters that move a terminal.
std::string printable(std::string text, std::size_t most);

}  // namespace kernmesh::server
