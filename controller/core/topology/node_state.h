// SPDX-License-Identifier: Apache-2.0
// The states that a node goes through (L1, pure): pending, approved, expired, removed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::topology {

// The numbers are what the store has. A removed node is in no store: it is a node no more.
enum class NodeState : std::uint8_t { kApproved = 1, kExpired = 2, kPending = 3, kRemoved = 4 };
enum class NodeEvent : std::uint8_t {
  kApprovedByAdministrator,  // or by the join key that it brought
  kKeyExpired,
  kRenewed,        // by the administrator, by a join key, by its user's sign-in
  kClockPutRight,  // its key had lapsed by a clock that was wrong
  kRemoved,
};
inline constexpr std::array kEveryNodeState{NodeState::kPending, NodeState::kApproved,
                                            NodeState::kExpired, NodeState::kRemoved};
inline constexpr std::array kEveryNodeEvent{NodeEvent::kApprovedByAdministrator,
                                            NodeEvent::kKeyExpired, NodeEvent::kRenewed,
                                            NodeEvent::kClockPutRight, NodeEvent::kRemoved};

// The one place where a node's state changes. kConflict, in words for an administrator, for an
// event that the state does not know.
Result<NodeState> next_state(NodeState state, NodeEvent event);

// "pending", "approved", "expired", "removed".
std::string_view to_string(NodeState state);

}  // namespace kernmesh::topology
