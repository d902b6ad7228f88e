// SPDX-License-Identifier: Apache-2.0
// A bound on how often something may happen (L1, pure; the caller brings the clock).
#pragma once

#include <algorithm>

#include "controller/base/clock.h"

namespace kernmesh::path {

class TokenBucket {
 public:
  // Full at first.
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  // Takes one token; false when there is none.
  bool take(MonoTime now) {
    refill(now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  bool empty(MonoTime now) {
    refill(now);
    return tokens_ < 1;
  }

 private:
  void refill(MonoTime now) {
    if (now <= filled_at_) return;
    const std::chrono::duration<double> passed = now - filled_at_;
    tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
    filled_at_ = now;
  }

  double per_second_;
  double burst_;
  double tokens_;
  MonoTime filled_at_{};
};

}  // namespace kernmesh::path
