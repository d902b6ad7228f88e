// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/admin_client.h"

#include <utility>

#include "controller/core/topology/registration.h"
#include "controller/rpc/channel.h"
#include "controller/rpc/pinned_ca.h"
#include "controller/rpc/status.h"
#include "controller/rpc/unary_call.h"

namespace kernmesh::rpc {
namespace {

using mesh::v1::Admin;

constexpr auto kPolicyDeadline = std::chrono::seconds(120);

// A name as it stands in an error; what a person typed may be long.
std::string quoted(const std::string& name) { return "\"" + name.substr(0, 80) + "\""; }

}  // namespace

AdminClient::AdminClient(std::string server, std::string token,
                         const std::shared_ptr<grpc::Channel>& channel)
    : server_(std::move(server)), token_(std::move(token)), stub_(Admin::NewStub(channel)) {}

Result<AdminClient> AdminClient::connect(const std::string& server, const std::string& token,
                                         std::chrono::seconds timeout) {
  const auto ticket = topology::parse_ticket(token);
  if (!ticket) return ticket.error().with_context("read the administrator token");
  if (ticket->kind != topology::TicketKind::kAdminToken) {
    return Error(ErrorCode::kInvalid,
                 "read the administrator token: this is a join key (mk-…); a token starts with "
                 "\"ma-\"");
  }
  MESH_TRY_ASSIGN(const auto pem, fetch_ca_pem(server, ticket->ca, timeout));
  const auto channel = secure_channel(server, pem, ChannelUse::kCalls);
  // gRPC fails a call at once whose first attempt to connect does. When the time is up the first
  // call says what is the matter.
  (void)channel->WaitForConnected(std::chrono::system_clock::now() + timeout);
  return AdminClient(server, token, channel);
}

template <typename Request, typename Response>
Result<Response> AdminClient::call(grpc::Status (Admin::Stub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                                   const Request& request, const std::string& attempt,
                                   std::chrono::seconds deadline) {
  return unary_call(*stub_, method, request,
                    CallTerms{attempt + " at " + server_, token_, deadline});
}

template <typename Request, typename Response, typename Merge>
Result<Response> AdminClient::list(grpc::Status (Admin::Stub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                                   const std::string& attempt, const Merge& merge) {
  Request request;
  Response all;
  for (;;) {
    MESH_TRY_ASSIGN(auto page, call(method, request, attempt));
    merge(all, page);
    if (page.next_page_token().empty()) return all;
    request.set_page_token(page.next_page_token());
  }
}

Result<mesh::v1::User> AdminClient::create_user(const std::string& name) {
  mesh::v1::CreateUserRequest request;
  request.set_name(name);
  return create_user(request);
}

Result<mesh::v1::User> AdminClient::create_user(const mesh::v1::CreateUserRequest& request) {
  return call(&Admin::Stub::CreateUser, request, "create user " + quoted(request.name()));
}

Result<mesh::v1::ListUsersResponse> AdminClient::list_users() {
  return list(&Admin::Stub::ListUsers, "list users",
              [](auto& all, auto& page) { all.mutable_users()->MergeFrom(page.users()); });
}

Status AdminClient::delete_user(const std::string& name) {
  mesh::v1::DeleteUserRequest request;
  request.set_name(name);
  MESH_TRY(call(&Admin::Stub::DeleteUser, request, "delete user " + quoted(name)));
  return {};
}

Result<mesh::v1::User> AdminClient::set_user_roles(const std::string& name,
                                                   const std::vector<std::string>& roles) {
  mesh::v1::SetUserRolesRequest request;
  request.set_name(name);
  request.mutable_roles()->Add(roles.begin(), roles.end());
  return call(&Admin::Stub::SetUserRoles, request, "set the roles of user " + quoted(name));
}

Result<mesh::v1::User> AdminClient::link_user(const mesh::v1::LinkUserRequest& request) {
  return call(&Admin::Stub::LinkUser, request, "link user " + quoted(request.name()));
}

Result<mesh::v1::CreateTokenResponse> AdminClient::create_token(
    const mesh::v1::CreateTokenRequest& request) {
  return call(&Admin::Stub::CreateToken, request,
              "create a token for user " + quoted(request.user_name()));
}

Result<mesh::v1::ListTokensResponse> AdminClient::list_tokens() {
  return list(&Admin::Stub::ListTokens, "list tokens",
              [](auto& all, auto& page) { all.mutable_tokens()->MergeFrom(page.tokens()); });
}

Status AdminClient::revoke_token(std::uint64_t id) {
  mesh::v1::RevokeTokenRequest request;
  request.set_id(id);
  MESH_TRY(call(&Admin::Stub::RevokeToken, request, "revoke token " + std::to_string(id)));
  return {};
}

Result<mesh::v1::Caller> AdminClient::get_caller() {
  return call(&Admin::Stub::GetCaller, mesh::v1::GetCallerRequest(), "ask whose token this is");
}

Result<mesh::v1::CreateJoinKeyResponse> AdminClient::create_join_key(
    const mesh::v1::CreateJoinKeyRequest& request) {
  return call(&Admin::Stub::CreateJoinKey, request,
              "create a join key for user " + quoted(request.user_name()));
}

Result<mesh::v1::ListJoinKeysResponse> AdminClient::list_join_keys() {
  return list(&Admin::Stub::ListJoinKeys, "list join keys",
              [](auto& all, auto& page) { all.mutable_keys()->MergeFrom(page.keys()); });
}

Result<mesh::v1::JoinKey> AdminClient::revoke_join_key(std::uint64_t id, OfKey nodes) {
  mesh::v1::RevokeJoinKeyRequest request;
  request.set_id(id);
  request.set_remove_nodes(nodes == OfKey::kRemoveNodes);
  return call(&Admin::Stub::RevokeJoinKey, request, "revoke join key " + std::to_string(id));
}

Result<mesh::v1::ListNodesResponse> AdminClient::list_nodes() {
  return list(&Admin::Stub::ListNodes, "list nodes", [](auto& all, auto& page) {
    all.mutable_nodes()->MergeFrom(page.nodes());
    *all.mutable_version() = page.version();
  });
}

Result<mesh::v1::Node> AdminClient::get_node(const std::string& node) {
  mesh::v1::GetNodeRequest request;
  request.set_node(node);
  return call(&Admin::Stub::GetNode, request, "show node " + quoted(node));
}

Result<mesh::v1::Node> AdminClient::rename_node(const std::string& node,
                                                const std::string& new_name) {
  mesh::v1::RenameNodeRequest request;
  request.set_node(node);
  request.set_new_name(new_name);
  return call(&Admin::Stub::RenameNode, request,
              "rename node " + quoted(node) + " to " + quoted(new_name));
}

Result<mesh::v1::Node> AdminClient::expire_node(const std::string& node) {
  mesh::v1::ExpireNodeRequest request;
  request.set_node(node);
  return call(&Admin::Stub::ExpireNode, request, "expire node " + quoted(node));
}

Status AdminClient::remove_node(const std::string& node) {
  mesh::v1::RemoveNodeRequest request;
  request.set_node(node);
  MESH_TRY(call(&Admin::Stub::RemoveNode, request, "remove node " + quoted(node)));
  return {};
}

Result<mesh::v1::Node> AdminClient::tag_node(const std::string& node,
                                             const std::vector<std::string>& tags) {
  mesh::v1::TagNodeRequest request;
  request.set_node(node);
  request.mutable_tags()->Add(tags.begin(), tags.end());
  return call(&Admin::Stub::TagNode, request, "tag node " + quoted(node));
}

Result<mesh::v1::Node> AdminClient::approve_node(const std::string& node) {
  mesh::v1::ApproveNodeRequest request;
  request.set_node(node);
  return call(&Admin::Stub::ApproveNode, request, "approve node " + quoted(node));
}

Result<mesh::v1::Node> AdminClient::renew_node(const std::string& node) {
  mesh::v1::RenewNodeRequest request;
  request.set_node(node);
  return call(&Admin::Stub::RenewNode, request, "renew the key of node " + quoted(node));
}

Result<mesh::v1::Node> AdminClient::set_node_expiry(const mesh::v1::SetNodeExpiryRequest& request) {
  return call(&Admin::Stub::SetNodeExpiry, request,
              "set when the key of node " + quoted(request.node()) + " ends");
}

Result<mesh::v1::Node> AdminClient::rotate_node_key(const std::string& node) {
  mesh::v1::RotateNodeKeyRequest request;
  request.set_node(node);
  return call(&Admin::Stub::RotateNodeKey, request,
              "ask node " + quoted(node) + " for a new node key");
}

Result<mesh::v1::Settings> AdminClient::get_settings() {
  return call(&Admin::Stub::GetSettings, mesh::v1::GetSettingsRequest(),
              "show the network's settings");
}

Result<mesh::v1::Settings> AdminClient::set_settings(const mesh::v1::SetSettingsRequest& request) {
  return call(&Admin::Stub::SetSettings, request, "change the network's settings");
}

Result<mesh::v1::Lock> AdminClient::get_lock() {
  return call(&Admin::Stub::GetLock, mesh::v1::GetLockRequest(), "ask for the network lock");
}

Result<mesh::v1::Lock> AdminClient::submit_lock_statement(
    const mesh::v1::SubmitLockStatementRequest& request) {
  return call(&Admin::Stub::SubmitLockStatement, request, "change the network lock");
}

Result<mesh::v1::SubmitEndorsementsResponse> AdminClient::submit_endorsements(
    const mesh::v1::SubmitEndorsementsRequest& request) {
  return call(&Admin::Stub::SubmitEndorsements, request, "hand in signatures for nodes");
}

Result<mesh::v1::Lock> AdminClient::withdraw_lock_proposal(const std::string& digest) {
  mesh::v1::WithdrawLockProposalRequest request;
  request.set_digest(digest);
  return call(&Admin::Stub::WithdrawLockProposal, request, "withdraw a proposal for the lock");
}

Result<mesh::v1::ListRelaysResponse> AdminClient::list_relays() {
  return list(&Admin::Stub::ListRelays, "list relays",
              [](auto& all, auto& page) { all.mutable_relays()->MergeFrom(page.relays()); });
}

Result<mesh::v1::Relay> AdminClient::get_relay(const std::string& relay) {
  mesh::v1::GetRelayRequest request;
  request.set_relay(relay);
  return call(&Admin::Stub::GetRelay, request, "show relay " + quoted(relay));
}

Result<mesh::v1::Relay> AdminClient::drain_relay(const mesh::v1::DrainRelayRequest& request) {
  return call(&Admin::Stub::DrainRelay, request, "drain relay " + quoted(request.relay()));
}

Status AdminClient::remove_relay(const std::string& relay) {
  mesh::v1::RemoveRelayRequest request;
  request.set_relay(relay);
  MESH_TRY(call(&Admin::Stub::RemoveRelay, request, "remove relay " + quoted(relay)));
  return {};
}

Result<mesh::v1::Policy> AdminClient::get_policy(std::uint32_t revision) {
  mesh::v1::GetPolicyRequest request;
  request.set_revision(revision);
  return call(&Admin::Stub::GetPolicy, request, "get the policy");
}

Result<mesh::v1::SetPolicyResponse> AdminClient::set_policy(
    const mesh::v1::SetPolicyRequest& request) {
  return upload_call(*stub_, &Admin::Stub::SetPolicy, request,
                     {"set the policy at " + server_, token_, kPolicyDeadline});
}

Result<mesh::v1::CheckPolicyResponse> AdminClient::check_policy(const std::string& text) {
  mesh::v1::CheckPolicyRequest request;
  request.set_text(text);
  return upload_call(*stub_, &Admin::Stub::CheckPolicy, request,
                     {"check the policy at " + server_, token_, kPolicyDeadline});
}

Result<mesh::v1::ListPoliciesResponse> AdminClient::list_policies() {
  return list(&Admin::Stub::ListPolicies, "list policies",
              [](auto& all, auto& page) { all.mutable_policies()->MergeFrom(page.policies()); });
}

Result<mesh::v1::GetRolloutResponse> AdminClient::get_rollout(const mesh::v1::MapVersion& version) {
  mesh::v1::GetRolloutRequest request;
  *request.mutable_version() = version;
  return call(&Admin::Stub::GetRollout, request, "look at the rollout");
}

Result<mesh::v1::Inventory> AdminClient::get_inventory() {
  return call(&Admin::Stub::GetInventory, mesh::v1::GetInventoryRequest(), "get the inventory");
}

Result<mesh::v1::ListAuditEventsResponse> AdminClient::list_audit_events(
    const mesh::v1::ListAuditEventsRequest& request) {
  return call(&Admin::Stub::ListAuditEvents, request, "read the audit log");
}

Status AdminClient::watch_events(const mesh::v1::WatchEventsRequest& request,
                                 const std::function<void(const mesh::v1::AuditEvent&)>& on_event,
                                 Cancellation& cancellation) {
  cancellation.context_.AddMetadata("authorization", "Bearer " + token_);
  const auto reader = stub_->WatchEvents(&cancellation.context_, request);
  mesh::v1::AuditEvent event;
  while (reader->Read(&event)) on_event(event);
  const grpc::Status status = reader->Finish();
  if (status.ok() || status.error_code() == grpc::StatusCode::CANCELLED) return {};
  return from_grpc(status).with_context("follow the audit log at " + server_);
}

}  // namespace kernmesh::rpc
