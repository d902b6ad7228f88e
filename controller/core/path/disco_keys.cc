// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/disco_keys.h"

#include <utility>

namespace kernmesh::path {

void DiscoKeys::set_netmap_key(const DiscoPublicKey& key) {
  if (key == netmap_.key) return;
  netmap_ = {key, {}, {}};
  proven_.reset();
  offered_.reset();
}

bool DiscoKeys::offer(const DiscoPublicKey& key, WallTime issued_at) {
  if (proven_ && issued_at <= proven_->issued_at) return false;
  if (offered_ && issued_at < offered_->issued_at) return false;
  offered_ = Slot{key, issued_at, {}};
  return true;
}

void DiscoKeys::proved(const DiscoPublicKey& key) {
  if (offered_ && offered_->key == key) {
    proven_ = std::move(offered_);
    offered_.reset();
  } else if (key == netmap_.key) {
    proven_.reset();
  }
}

std::vector<DiscoPublicKey> DiscoKeys::all() const {
  std::vector<DiscoPublicKey> keys{netmap_.key};
  if (proven_) keys.push_back(proven_->key);
  if (offered_) keys.push_back(offered_->key);
  return keys;
}

DiscoKeys::Slot* DiscoKeys::find(const DiscoPublicKey& key) {
  if (proven_ && proven_->key == key) return &*proven_;
  if (offered_ && offered_->key == key) return &*offered_;
  return netmap_.key == key ? &netmap_ : nullptr;
}

const SharedKey* DiscoKeys::shared(const DiscoPublicKey& key, const X25519SecretKey& ours) {
  Slot* slot = find(key);
  if (slot == nullptr) return nullptr;
  if (!slot->shared) slot->shared = shared_key(key, ours);
  return slot->shared ? &*slot->shared : nullptr;
}

}  // namespace kernmesh::path
