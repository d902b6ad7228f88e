// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/slots.h"

namespace kernmesh::bpf {

bool SlotPool::mark_taken(std::uint32_t slot) {
  if (slot == 0 || slot >= taken_.size() || taken_[slot]) return false;
  taken_[slot] = true;
  return true;
}

std::optional<std::uint32_t> SlotPool::take() {
  for (; next_fresh_ < taken_.size(); ++next_fresh_) {
    if (!mark_taken(next_fresh_)) continue;
    return next_fresh_++;
  }
  if (returned_.empty()) return std::nullopt;
  const std::uint32_t slot = returned_.front();
  returned_.pop_front();
  taken_[slot] = true;
  return slot;
}

void SlotPool::give_back(std::uint32_t slot) {
  if (slot == 0 || slot >= taken_.size() || !taken_[slot]) return;
  taken_[slot] = false;
  if (slot < next_fresh_) returned_.push_back(slot);
}

}  // namespace kernmesh::bpf
