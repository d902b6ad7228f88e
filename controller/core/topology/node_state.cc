// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/node_state.h"

namespace kernmesh::topology {
namespace {

Error conflict(const char* why) { return {ErrorCode::kConflict, why}; }

Result<NodeState> after_pending(NodeEvent event) {
  switch (event) {
    case NodeEvent::kApprovedByAdministrator:
      return NodeState::kApproved;
    case NodeEvent::kRemoved:
      return NodeState::kRemoved;
    // Its key counts from the approval; and no renewal may stand in for that.
    case NodeEvent::kKeyExpired:
    case NodeEvent::kRenewed:
    case NodeEvent::kClockPutRight:
      break;
  }
  return conflict("the node awaits approval: meshadm node approve NAME");
}

Result<NodeState> after_approved(NodeEvent event) {
  switch (event) {
    case NodeEvent::kApprovedByAdministrator:
      return conflict("the node is approved already");
    case NodeEvent::kKeyExpired:
      return NodeState::kExpired;
    case NodeEvent::kRenewed:
      return NodeState::kApproved;
    case NodeEvent::kClockPutRight:
      return conflict("the node has not expired");
    case NodeEvent::kRemoved:
      return NodeState::kRemoved;
  }
  return conflict("unknown event");
}

Result<NodeState> after_expired(NodeEvent event) {
  switch (event) {
    case NodeEvent::kApprovedByAdministrator:
      return conflict("the node was approved, and its key has expired: meshadm node renew NAME");
    case NodeEvent::kKeyExpired:
      return conflict("the node has expired already");
    case NodeEvent::kRenewed:
    case NodeEvent::kClockPutRight:
      return NodeState::kApproved;
    case NodeEvent::kRemoved:
      return NodeState::kRemoved;
  }
  return conflict("unknown event");
}

}  // namespace

Result<NodeState> next_state(NodeState state, NodeEvent event) {
  switch (state) {
    case NodeState::kPending:
      return after_pending(event);
    case NodeState::kApproved:
      return after_approved(event);
    case NodeState::kExpired:
      return after_expired(event);
    case NodeState::kRemoved:
      return conflict("the node was removed");
  }
  return conflict("unknown state");
}

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::kPending:
      return "pending";
    case NodeState::kApproved:
      return "approved";
    case NodeState::kExpired:
      return "expired";
    case NodeState::kRemoved:
      return "removed";
  }
  return "unknown";
}

}  // namespace kernmesh::topology
