// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/node_life.h"

#include <algorithm>

#include "controller/core/netmap/key_expiry.h"

namespace kernmesh::topology {
namespace {

bool ends_within(const Node& node, WallTime now, WallTime::duration lead) {
  return node.key_expires_at != WallTime{} && node.key_expires_at - now <= lead;
}

// Never shorter than what the node has: a clock that is behind takes nothing away.
void begin_period(Node& node, WallTime now) {
  if (!node.tags.empty() || node.key_expiry == KeyExpiry::kNever) {
    node.key_expires_at = {};
  } else if (node.key_expiry == KeyExpiry::kPeriod) {
    node.key_expires_at = std::max(node.key_expires_at, now + kNodeKeyLifetime);
  }
}

}  // namespace

void admit(Node& node, Approval approval, WallTime now) {
  node.state = approval == Approval::kNeeded ? NodeState::kPending : NodeState::kApproved;
  if (node.state == NodeState::kApproved) begin_period(node, now);
}

Status approve(Node& node, WallTime now) {
  MESH_TRY_ASSIGN(node.state, next_state(node.state, NodeEvent::kApprovedByAdministrator));
  begin_period(node, now);
  return {};
}

Status renew(Node& node, WallTime now) {
  MESH_TRY_ASSIGN(node.state, next_state(node.state, NodeEvent::kRenewed));
  if (node.key_expiry != KeyExpiry::kNever) node.key_expiry = KeyExpiry::kPeriod;
  begin_period(node, now);
  return {};
}

Status expire(Node& node, WallTime now) {
  if (node.state != NodeState::kExpired) {
    MESH_TRY_ASSIGN(node.state, next_state(node.state, NodeEvent::kKeyExpired));
  }
  node.key_expiry = KeyExpiry::kEnded;
  node.key_expires_at = now;
  return {};
}

Status set_expiry(Node& node, KeyExpiry expiry, WallTime date, WallTime now) {
  if (node.state == NodeState::kExpired) {
    return Error(ErrorCode::kConflict,
                 "the node has expired: meshadm node renew " + node.name + ", then set its expiry");
  }
  if (!node.tags.empty()) {
    return Error(ErrorCode::kConflict, "the node is tagged, and tagged nodes do not expire");
  }
  if (expiry == KeyExpiry::kDate && (date <= now || date - now > kMostKeyLifetime)) {
    return Error(ErrorCode::kInvalid, "a key ends between now and in ten years");
  }
  if (expiry == KeyExpiry::kEnded) {
    return Error(ErrorCode::kInvalid, "a key is ended by expiring the node");
  }
  const bool same = node.key_expiry == expiry && expiry != KeyExpiry::kDate;
  if (same) return {};
  node.key_expiry = expiry;
  node.key_expires_at = expiry == KeyExpiry::kDate ? date : WallTime{};
  if (node.state == NodeState::kApproved) begin_period(node, now);
  return {};
}

void retag(Node& node, std::vector<std::string> tags, WallTime now) {
  const bool was_tagged = !node.tags.empty();
  node.tags = std::move(tags);
  if (node.state == NodeState::kExpired || was_tagged == !node.tags.empty()) return;
  if (node.key_expiry == KeyExpiry::kDate) node.key_expiry = KeyExpiry::kPeriod;
  if (node.state == NodeState::kApproved) begin_period(node, now);
}

bool key_has_lapsed(const Node& node, WallTime now) {
  return node.state != NodeState::kPending && node.key_expires_at != WallTime{} &&
         now >= node.key_expires_at;
}

bool key_expires_soon(const Node& node, WallTime now) {
  return node.state == NodeState::kApproved && !key_has_lapsed(node, now) &&
         ends_within(node, now, netmap::kExpiryNotice);
}

bool has_expired_too_early(const Node& node, WallTime now) {
  return node.state == NodeState::kExpired && node.key_expiry != KeyExpiry::kEnded &&
         !key_has_lapsed(node, now);
}

bool renews_itself(const Node& node, CameBy came_by) {
  return node.state == NodeState::kApproved && came_by == CameBy::kJoinKey &&
         node.key_expiry == KeyExpiry::kPeriod && node.key_expires_at != WallTime{};
}

bool rotation_is_due(const Node& node, CameBy came_by, WallTime now) {
  return renews_itself(node, came_by) && !key_has_lapsed(node, now) &&
         ends_within(node, now, kRotationLead);
}

void take_node_key(Node& node, const NodePublicKey& key, CameBy came_by, WallTime now) {
  const bool is_new = node.node_key != key;
  node.node_key = key;
  if (is_new) node.key_rotation_due = false;
  if (!renews_itself(node, came_by)) return;
  if (is_new || ends_within(node, now, kRenewalLead)) begin_period(node, now);
}

}  // namespace kernmesh::topology
