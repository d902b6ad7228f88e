// SPDX-License-Identifier: Apache-2.0
// Which entries of the `traffic` array are free (L2). Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace kernmesh::bpf {

// Slots are 1 to `count`; 0 belongs to nobody. What was given back is used again as late as
// possible, because a source that was removed a moment ago may still be in a program's hands.
class SlotPool {
 public:
  explicit SlotPool(std::uint32_t count) : taken_(count + 1) {}

  // For what an earlier agent left. False: outside the range or taken twice.
  bool mark_taken(std::uint32_t slot);
  // nullopt: none is left.
  std::optional<std::uint32_t> take();
  void give_back(std::uint32_t slot);

 private:
  std::vector<bool> taken_;
  std::uint32_t next_fresh_ = 1;  // slots from here on were never taken, or only by mark_taken()
  std::deque<std::uint32_t> returned_;
};

}  // namespace kernmesh::bpf
