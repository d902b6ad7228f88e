// SPDX-License-Identifier: Apache-2.0
// What the Admin service asks of the server, part by part (L2 interfaces, implemented in L3). The
// caller has the role and scope that method_access.h wants; what he may see and do beyond that is
// for the handler to say. Called from gRPC's threads, any number at once.
#pragma once

#include <memory>

#include "controller/base/result.h"
#include "controller/rpc/gate.h"
#include "controller/rpc/streams.h"
#include "mesh/v1/admin.pb.h"

namespace kernmesh::rpc {

class UserHandler {
 public:
  virtual ~UserHandler() = default;
  virtual Result<mesh::v1::User> create_user(const Caller&, const mesh::v1::CreateUserRequest&) = 0;
  virtual Result<mesh::v1::ListUsersResponse> list_users(const Caller&,
                                                         const mesh::v1::ListUsersRequest&) = 0;
  virtual Result<mesh::v1::DeleteUserResponse> delete_user(const Caller&,
                                                           const mesh::v1::DeleteUserRequest&) = 0;
  virtual Result<mesh::v1::User> set_user_roles(const Caller&,
                                                const mesh::v1::SetUserRolesRequest&) = 0;
  virtual Result<mesh::v1::User> link_user(const Caller&, const mesh::v1::LinkUserRequest&) = 0;
};

class TokenHandler {
 public:
  virtual ~TokenHandler() = default;
  virtual Result<mesh::v1::CreateTokenResponse> create_token(
      const Caller&, const mesh::v1::CreateTokenRequest&) = 0;
  virtual Result<mesh::v1::ListTokensResponse> list_tokens(const Caller&,
                                                           const mesh::v1::ListTokensRequest&) = 0;
  virtual Result<mesh::v1::RevokeTokenResponse> revoke_token(
      const Caller&, const mesh::v1::RevokeTokenRequest&) = 0;
  virtual Result<mesh::v1::Caller> get_caller(const Caller&, const mesh::v1::GetCallerRequest&) = 0;
};

class JoinKeyHandler {
 public:
  virtual ~JoinKeyHandler() = default;
  virtual Result<mesh::v1::CreateJoinKeyResponse> create_join_key(
      const Caller&, const mesh::v1::CreateJoinKeyRequest&) = 0;
  virtual Result<mesh::v1::ListJoinKeysResponse> list_join_keys(
      const Caller&, const mesh::v1::ListJoinKeysRequest&) = 0;
  virtual Result<mesh::v1::JoinKey> revoke_join_key(const Caller&,
                                                    const mesh::v1::RevokeJoinKeyRequest&) = 0;
};

class NodeHandler {
 public:
  virtual ~NodeHandler() = default;
  virtual Result<mesh::v1::ListNodesResponse> list_nodes(const Caller&,
                                                         const mesh::v1::ListNodesRequest&) = 0;
  virtual Result<mesh::v1::Node> get_node(const Caller&, const mesh::v1::GetNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> rename_node(const Caller&, const mesh::v1::RenameNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> expire_node(const Caller&, const mesh::v1::ExpireNodeRequest&) = 0;
  virtual Result<mesh::v1::RemoveNodeResponse> remove_node(const Caller&,
                                                           const mesh::v1::RemoveNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> tag_node(const Caller&, const mesh::v1::TagNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> approve_node(const Caller&,
                                              const mesh::v1::ApproveNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> renew_node(const Caller&, const mesh::v1::RenewNodeRequest&) = 0;
  virtual Result<mesh::v1::Node> set_node_expiry(const Caller&,
                                                 const mesh::v1::SetNodeExpiryRequest&) = 0;
  virtual Result<mesh::v1::Node> rotate_node_key(const Caller&,
                                                 const mesh::v1::RotateNodeKeyRequest&) = 0;
};

class SettingsHandler {
 public:
  virtual ~SettingsHandler() = default;
  virtual Result<mesh::v1::Settings> get_settings(const Caller&,
                                                  const mesh::v1::GetSettingsRequest&) = 0;
  virtual Result<mesh::v1::Settings> set_settings(const Caller&,
                                                  const mesh::v1::SetSettingsRequest&) = 0;
};

class LockHandler {
 public:
  virtual ~LockHandler() = default;
  virtual Result<mesh::v1::Lock> get_lock(const Caller&, const mesh::v1::GetLockRequest&) = 0;
  virtual Result<mesh::v1::Lock> submit_statement(const Caller&,
                                                  const mesh::v1::SubmitLockStatementRequest&) = 0;
  virtual Result<mesh::v1::SubmitEndorsementsResponse> submit_endorsements(
      const Caller&, const mesh::v1::SubmitEndorsementsRequest&) = 0;
  virtual Result<mesh::v1::Lock> withdraw_proposal(
      const Caller&, const mesh::v1::WithdrawLockProposalRequest&) = 0;
};

class PolicyHandler {
 public:
  virtual ~PolicyHandler() = default;
  virtual Result<mesh::v1::Policy> get_policy(const Caller&, const mesh::v1::GetPolicyRequest&) = 0;
  virtual Result<mesh::v1::SetPolicyResponse> set_policy(const Caller&,
                                                         const mesh::v1::SetPolicyRequest&) = 0;
  virtual Result<mesh::v1::CheckPolicyResponse> check_policy(
      const Caller&, const mesh::v1::CheckPolicyRequest&) = 0;
  virtual Result<mesh::v1::ListPoliciesResponse> list_policies(
      const Caller&, const mesh::v1::ListPoliciesRequest&) = 0;
  virtual Result<mesh::v1::GetRolloutResponse> get_rollout(const Caller&,
                                                           const mesh::v1::GetRolloutRequest&) = 0;
  virtual Result<mesh::v1::Inventory> get_inventory(const Caller&,
                                                    const mesh::v1::GetInventoryRequest&) = 0;
};

class RelayAdminHandler {
 public:
  virtual ~RelayAdminHandler() = default;
  virtual Result<mesh::v1::ListRelaysResponse> list_relays(const Caller&,
                                                           const mesh::v1::ListRelaysRequest&) = 0;
  virtual Result<mesh::v1::Relay> get_relay(const Caller&, const mesh::v1::GetRelayRequest&) = 0;
  virtual Result<mesh::v1::Relay> drain_relay(const Caller&,
                                              const mesh::v1::DrainRelayRequest&) = 0;
  virtual Result<mesh::v1::RemoveRelayResponse> remove_relay(
      const Caller&, const mesh::v1::RemoveRelayRequest&) = 0;
};

using EventSource = MessageSource<mesh::v1::AuditEvent>;

class AuditHandler {
 public:
  virtual ~AuditHandler() = default;
  virtual Result<mesh::v1::ListAuditEventsResponse> list_audit_events(
      const Caller&, const mesh::v1::ListAuditEventsRequest&) = 0;
  // As CoordinationHandler's.
  virtual Result<std::unique_ptr<EventSource>> watch_events(
      const Caller&, const mesh::v1::WatchEventsRequest&, std::shared_ptr<UpdateStream> stream) = 0;
  virtual void closed(const UpdateStream* stream) = 0;
};

// All outlive the service.
struct AdminHandlers {
  UserHandler& users;
  TokenHandler& tokens;
  JoinKeyHandler& keys;
  NodeHandler& nodes;
  PolicyHandler& policies;
  RelayAdminHandler& relays;
  AuditHandler& audit;
  SettingsHandler& settings;
  LockHandler& lock;
};

}  // namespace kernmesh::rpc
