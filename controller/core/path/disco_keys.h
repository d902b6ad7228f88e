// SPDX-License-Identifier: Apache-2.0
// Which disco keys one peer may be using (L1, pure). The netmap names one; a ping may offer another
// under the machine key's attestation, which counts once a pong under it has come back.
#pragma once

#include <optional>
#include <vector>

#include "controller/core/path/disco.h"

namespace kernmesh::path {

class DiscoKeys {
 public:
  explicit DiscoKeys(const DiscoPublicKey& netmap_key) : netmap_{netmap_key, {}, {}} {}

  // The netmap's word. When it changes it is newer than anything learnt.
  void set_netmap_key(const DiscoPublicKey& key);
  // A key whose attestation has been verified. False when a newer one is known.
  bool offer(const DiscoPublicKey& key, WallTime issued_at);
  // A pong answered a fresh ping under this key: the peer holds it now.
  void proved(const DiscoPublicKey& key);

  // What to seal pings with.
  const DiscoPublicKey& current() const { return proven_ ? proven_->key : netmap_.key; }
  std::vector<DiscoPublicKey> all() const;
  // Computed once. None for a key that is not known here or is a point of low order.
  const SharedKey* shared(const DiscoPublicKey& key, const X25519SecretKey& ours);

 private:
  struct Slot {
    DiscoPublicKey key;
    WallTime issued_at{};
    std::optional<SharedKey> shared;
  };
  Slot* find(const DiscoPublicKey& key);

  Slot netmap_;
  std::optional<Slot> proven_;   // attested and answered under, instead of the netmap's
  std::optional<Slot> offered_;  // attested, not answered under yet
};

}  // namespace kernmesh::path
