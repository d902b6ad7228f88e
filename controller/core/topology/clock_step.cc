// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/clock_step.h"

#include <utility>

namespace kernmesh::topology {

std::optional<std::chrono::seconds> ClockStep::read(MonoTime mono, WallTime wall) {
  const auto before = std::exchange(last_, Reading{mono, wall});
  if (!before) return std::nullopt;
  const auto passed = std::chrono::round<std::chrono::seconds>(mono - before->mono);
  const std::chrono::seconds step = wall - before->wall - passed;
  if (step < kNotableStep && step > -kNotableStep) return std::nullopt;
  return step;
}

}  // namespace kernmesh::topology
