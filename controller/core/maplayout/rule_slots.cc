// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/rule_slots.h"

#include <algorithm>

#include "controller/core/maplayout/image_view.h"

namespace kernmesh::maplayout {

Result<RuleSlots> RuleSlots::restored(std::span<const mesh_acl_line> image) {
  const ImageView view(image);
  const auto header = view.at<mesh_acl_header>(kHeaderLine, 0);
  const auto extent = view.at<mesh_acl_extent>(kExtentLine, 0);
  if (!extent || header->format != MESH_ABI_VERSION || extent->rule_count == 0 ||
      extent->rule_count > kMaxRules + 1) {
    return Error(ErrorCode::kCorrupt, "restoring rule slots: not an image of this build");
  }
  RuleSlots slots;
  slots.end_ = extent->rule_count;
  for (std::uint32_t slot = 1; slot < slots.end_; ++slot) {
    const auto rule = view.at<mesh_acl_rule>(extent->rules, slot);
    if (!rule) {
      return Error(ErrorCode::kCorrupt, "restoring rule slots: slot " + std::to_string(slot) +
                                            " is past the image's end");
    }
    if (rule->id == 0) {
      slots.free_.push_back(slot);
    } else {
      slots.held_.emplace_back(RuleId(rule->id), slot);
    }
  }
  std::sort(slots.held_.begin(), slots.held_.end());
  const auto twice =
      std::adjacent_find(slots.held_.begin(), slots.held_.end(),
                         [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != slots.held_.end()) {
    return Error(ErrorCode::kCorrupt,
                 "restoring rule slots: rule " + to_string(twice->first) + " has two slots");
  }
  return slots;
}

Result<std::vector<std::uint32_t>> RuleSlots::assign(std::span<const RuleId> rules) {
  if (rules.size() > kMaxRules) {
    return Error(ErrorCode::kExhausted, "the policy has " + std::to_string(rules.size()) +
                                            " rules at this node, at most " +
                                            std::to_string(kMaxRules) + " are counted");
  }
  // Both ascend: one walk says which rules stay, which are new and which slots become free.
  std::vector<std::uint32_t> slots(rules.size(), 0);
  std::vector<std::uint32_t> freed;
  std::size_t next = 0;
  for (const auto& [rule, slot] : held_) {
    while (next < rules.size() && rules[next] < rule) ++next;
    if (next < rules.size() && rules[next] == rule) {
      slots[next] = slot;
    } else {
      freed.push_back(slot);
    }
  }
  std::size_t still_wanted = static_cast<std::size_t>(std::count(slots.begin(), slots.end(), 0u));
  const std::size_t before = free_.size() + (kMaxRules + 1 - end_);
  if (still_wanted > before) {
    free_.insert(free_.end(), freed.begin(), freed.end());
    freed.clear();
  }
  for (auto& slot : slots) {
    if (slot == 0) slot = take();
  }
  free_.insert(free_.end(), freed.begin(), freed.end());
  held_.clear();
  held_.reserve(rules.size());
  for (std::size_t i = 0; i < rules.size(); ++i) held_.emplace_back(rules[i], slots[i]);
  return slots;
}

std::uint32_t RuleSlots::take() {
  // Those that became free in this very change come last, after slots that were never given.
  if (free_.empty()) return end_++;
  const std::uint32_t slot = free_.front();
  free_.pop_front();
  return slot;
}

}  // namespace kernmesh::maplayout
