// SPDX-License-Identifier: Apache-2.0
// Nonces that were used, for as long as they would be good again (L3, not thread-safe). Never full:
// who floods it makes it forget the oldest, and keeps nobody out.
#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <utility>

#include "controller/base/clock.h"

namespace kernmesh::server {

class UsedNonces {
 public:
  // At most so many, each for so long.
  UsedNonces(std::size_t most, Duration lifetime) : most_(most), lifetime_(lifetime) {}

  // False: it was used already.
  bool add(const std::string& nonce, MonoTime now);
  // Also for a while after its lifetime, when nobody comes.
  bool contains(const std::string& nonce) const { return nonces_.contains(nonce); }
  std::size_t size() const { return order_.size(); }

 private:
  void forget_oldest();

  const std::size_t most_;
  const Duration lifetime_;
  std::deque<std::pair<MonoTime, std::string>> order_;  // until when, the oldest first
  std::unordered_set<std::string> nonces_;
};

}  // namespace kernmesh::server
