// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/epoch.h"

#include <utility>

namespace kernmesh::portmap {

bool Epoch::follows(MonoTime now, std::uint32_t epoch_s) {
  const auto before = std::exchange(last_, Reading{now, epoch_s});
  if (!before) return true;
  // Answers may overtake each other by a second.
  if (last_->epoch_s + 1 < before->epoch_s) return false;
  const std::int64_t here =
      std::chrono::duration_cast<std::chrono::seconds>(now - before->at).count();
  const std::int64_t there = last_->epoch_s - before->epoch_s;
  return here + 2 >= there - there / 16 && there + 2 >= here - here / 16;
}

}  // namespace kernmesh::portmap
