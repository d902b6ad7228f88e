// SPDX-License-Identifier: Apache-2.0
// A bound on the work of one compilation (L1, pure): a policy that would take minutes or gigabytes
// is refused with words instead.
#pragma once

#include <cstdint>

namespace kernmesh::maplayout {

class WorkBudget {
 public:
  // A step is a few memory accesses: all of them together take about a second.
  static constexpr std::uint64_t kSteps = 200'000'000;
  // Of all signatures of one kind. Four bytes each.
  static constexpr std::uint64_t kSignatureWords = 16'000'000;

  explicit WorkBudget(std::uint64_t steps = kSteps) : left_(steps) {}

  // Whether so much was left. Asked before the work is done.
  [[nodiscard]] bool spend(std::uint64_t steps) {
    if (steps > left_) return false;
    left_ -= steps;
    return true;
  }

 private:
  std::uint64_t left_;
};

}  // namespace kernmesh::maplayout
