// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/recheck.h"

#include <algorithm>

namespace kernmesh::reconcile {

Duration pause_after_recheck(Duration took) {
  constexpr Duration kShortest = std::chrono::seconds(10);
  // A reading that took very long, on a machine that was busy, says little of the next.
  constexpr Duration kLongest = std::chrono::hours(1);
  constexpr int kShare = 4000;
  return std::clamp(took * kShare, kShortest, kLongest);
}

Duration pause_after_refresh(Duration took) {
  constexpr Duration kShortest = std::chrono::milliseconds(100);
  constexpr int kShare = 10;
  return std::max(took * kShare, kShortest);
}

}  // namespace kernmesh::reconcile
