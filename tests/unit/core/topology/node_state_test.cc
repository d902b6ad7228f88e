// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/node_state.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <optional>

namespace kernmesh::topology {
namespace {

using S = NodeState;
using E = NodeEvent;

// What is not here is refused.
const std::map<std::pair<S, E>, S> kAllowed{
    {{S::kPending, E::kApprovedByAdministrator}, S::kApproved},
    {{S::kPending, E::kRemoved}, S::kRemoved},
    {{S::kApproved, E::kKeyExpired}, S::kExpired},
    {{S::kApproved, E::kRenewed}, S::kApproved},
    {{S::kApproved, E::kRemoved}, S::kRemoved},
    {{S::kExpired, E::kRenewed}, S::kApproved},
    {{S::kExpired, E::kClockPutRight}, S::kApproved},
    {{S::kExpired, E::kRemoved}, S::kRemoved},
};

TEST(NodeState, every_state_answers_every_event_as_the_table_says) {
  for (const auto state : kEveryNodeState) {
    for (const auto event : kEveryNodeEvent) {
      SCOPED_TRACE(std::string(to_string(state)) + " and event " +
                   std::to_string(static_cast<int>(event)));
      const auto next = next_state(state, event);
      const auto allowed = kAllowed.find({state, event});
      ASSERT_EQ(static_cast<bool>(next), allowed != kAllowed.end());
      if (next) {
        EXPECT_EQ(*next, allowed->second);
      } else {
        EXPECT_EQ(next.error().code(), ErrorCode::kConflict);
        EXPECT_FALSE(next.error().message().empty());
      }
    }
  }
}

// Whatever happens in whatever order: nobody is in without an approval, and nobody comes back from
// removal.
TEST(NodeState, no_order_of_events_lets_in_who_was_not_approved_or_was_removed) {
  rc::check([] {
    S state = S::kPending;
    bool was_approved = false, was_removed = false;
    const auto length = *rc::gen::inRange(0, 30);
    for (int i = 0; i < length; ++i) {
      const auto event = kEveryNodeEvent[*rc::gen::inRange<std::size_t>(0, kEveryNodeEvent.size())];
      const auto next = next_state(state, event);
      if (!next) continue;
      was_approved = was_approved || event == E::kApprovedByAdministrator;
      was_removed = was_removed || event == E::kRemoved;
      state = *next;
      RC_ASSERT(was_approved || state == S::kPending || state == S::kRemoved);
      RC_ASSERT(was_removed == (state == S::kRemoved));
    }
  });
}

}  // namespace
}  // namespace kernmesh::topology
