// SPDX-License-Identifier: Apache-2.0
#include "controller/server/used_nonces.h"

namespace kernmesh::server {

bool UsedNonces::add(const std::string& nonce, MonoTime now) {
  while (!order_.empty() && order_.front().first < now) forget_oldest();
  if (!nonces_.insert(nonce).second) return false;
  if (order_.size() >= most_) forget_oldest();
  order_.emplace_back(now + lifetime_, nonce);
  return true;
}

void UsedNonces::forget_oldest() {
  nonces_.erase(order_.front().second);
  order_.pop_front();
}

}  // namespace kernmesh::server
