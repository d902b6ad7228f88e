// SPDX-License-Identifier: Apache-2.0
// Which counter of the kernel's is whose rule's (L1, pure). A rule keeps its slot from one policy
// to the next, so its counter goes on.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "bpf/abi/acl.h"
#include "controller/base/ids.h"
#include "controller/base/result.h"

namespace kernmesh::maplayout {

class RuleSlots {
 public:
  // As many rules as netmap::Limits lets in. The kernel's array of counters may be shorter; what is
  // past its end is not counted.
  static constexpr std::uint32_t kMaxRules = 100'000;

  // Those of an image that a former process filled; of its free slots the lowest is the oldest.
  // kCorrupt when the image's table of rules is not one.
  static Result<RuleSlots> restored(std::span<const mesh_acl_line> image);

  // The slots, from 1, of exactly these rules (ascending by id), in their order; all others' become
  // free. What was free longest is taken first, and what becomes free now only when nothing else is
  // left: packets are still being counted there. kExhausted for more than kMaxRules; nothing is
  // changed then.
  Result<std::vector<std::uint32_t>> assign(std::span<const RuleId> rules);

  // One past the highest slot that was ever given; 1 at first.
  std::uint32_t end() const { return end_; }

 private:
  std::uint32_t take();

  std::vector<std::pair<RuleId, std::uint32_t>> held_;  // ascending by rule
  std::deque<std::uint32_t> free_;                      // longest free first
  std::uint32_t end_ = 1;
};

}  // namespace kernmesh::maplayout
