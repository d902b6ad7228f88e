// SPDX-License-Identifier: Apache-2.0
// Approval, renewal, expiry and key rotation by administrators (the rest of node_administration.h).
#include "controller/core/topology/node_life.h"
#include "controller/rpc/field_violation.h"
#include "controller/server/node_administration.h"

namespace kernmesh::server {

namespace v1 = mesh::v1;

Result<v1::Node> NodeAdministration::approve_node(const rpc::Caller& caller,
                                                  const v1::ApproveNodeRequest& request) {
  return edit_node({caller, request.node(), "node.approve"},
                   [&](const View&, topology::Node& node) -> Status {
                     if (node.state == topology::NodeState::kApproved) return {};
                     return approve(node, clock_());
                   });
}

Result<v1::Node> NodeAdministration::renew_node(const rpc::Caller& caller,
                                                const v1::RenewNodeRequest& request) {
  return edit_node(
      {caller, request.node(), "node.renew"},
      [&](const View&, topology::Node& node) -> Status { return renew(node, clock_()); });
}

Result<v1::Node> NodeAdministration::set_node_expiry(const rpc::Caller& caller,
                                                     const v1::SetNodeExpiryRequest& request) {
  topology::KeyExpiry expiry = topology::KeyExpiry::kPeriod;
  switch (request.expiry()) {
    case v1::KEY_EXPIRY_PERIOD:
      break;
    case v1::KEY_EXPIRY_NEVER:
      expiry = topology::KeyExpiry::kNever;
      break;
    case v1::KEY_EXPIRY_DATE:
      expiry = topology::KeyExpiry::kDate;
      break;
    default:
      return rpc::in_field(
          "expiry",
          Error(ErrorCode::kInvalid, "say when the key ends: after the period, never, or when"));
  }
  const std::chrono::seconds most(topology::kMostKeyLifetime);
  if (expiry == topology::KeyExpiry::kDate &&
      (request.in_seconds() < 1 || request.in_seconds() > most.count())) {
    return rpc::in_field("in_seconds",
                         Error(ErrorCode::kInvalid, "a key ends between now and in ten years"));
  }
  // Of the other kinds the field has not been checked, and may be any number.
  const std::chrono::seconds left(expiry == topology::KeyExpiry::kDate ? request.in_seconds() : 0);
  return edit_node({caller, request.node(), "node.set_expiry"},
                   [&](const View&, topology::Node& node) -> Status {
                     const WallTime now = clock_();
                     return rpc::in_field("in_seconds", set_expiry(node, expiry, now + left, now));
                   });
}

Result<v1::Node> NodeAdministration::rotate_node_key(const rpc::Caller& caller,
                                                     const v1::RotateNodeKeyRequest& request) {
  return edit_node({caller, request.node(), "node.ask_rotation"},
                   [&](const View&, topology::Node& node) -> Status {
                     if (node.state != topology::NodeState::kApproved) {
                       return Error(ErrorCode::kConflict,
                                    "the node is " + std::string(to_string(node.state)) +
                                        ", and only an approved one makes a new node key");
                     }
                     node.key_rotation_due = true;
                     return {};
                   });
}

}  // namespace kernmesh::server
