// SPDX-License-Identifier: Apache-2.0
// The Admin service of a coordination server (L2, blocking; one thread a client).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/rpc/cancellation.h"
#include "mesh/v1/admin.grpc.pb.h"

namespace kernmesh::rpc {

// Lists come whole, however many pages the server makes of them. Every call has 10 s unless it says
// otherwise. Every error begins with what was attempted, and where.
class AdminClient {
 public:
  // `server` is "HOST:PORT", `token` "ma-…", whose fingerprint says which authority the server must
  // have. Errors: kInvalid for a malformed token or address and for a join key in place of a token;
  // else those of fetch_ca_pem(). The token itself is first checked by the first call. Connects,
  // and while `timeout` lasts once more when that fails: nothing has been sent by then, whereas a
  // call that fails may have been done.
  static Result<AdminClient> connect(const std::string& server, const std::string& token,
                                     std::chrono::seconds timeout = std::chrono::seconds(10));

  Result<mesh::v1::User> create_user(const std::string& name);
  Result<mesh::v1::User> create_user(const mesh::v1::CreateUserRequest& request);
  Result<mesh::v1::ListUsersResponse> list_users();
  Status delete_user(const std::string& name);
  Result<mesh::v1::User> set_user_roles(const std::string& name,
                                        const std::vector<std::string>& roles);
  Result<mesh::v1::User> link_user(const mesh::v1::LinkUserRequest& request);

  Result<mesh::v1::CreateTokenResponse> create_token(const mesh::v1::CreateTokenRequest& request);
  Result<mesh::v1::ListTokensResponse> list_tokens();
  Status revoke_token(std::uint64_t id);
  Result<mesh::v1::Caller> get_caller();

  Result<mesh::v1::CreateJoinKeyResponse> create_join_key(
      const mesh::v1::CreateJoinKeyRequest& request);
  Result<mesh::v1::ListJoinKeysResponse> list_join_keys();
  enum class OfKey { kKeepNodes, kRemoveNodes };
  Result<mesh::v1::JoinKey> revoke_join_key(std::uint64_t id, OfKey nodes = OfKey::kKeepNodes);

  // `node` is a name, an id in decimal, or an overlay address.
  Result<mesh::v1::ListNodesResponse> list_nodes();
  Result<mesh::v1::Node> get_node(const std::string& node);
  Result<mesh::v1::Node> rename_node(const std::string& node, const std::string& new_name);
  Result<mesh::v1::Node> expire_node(const std::string& node);
  Status remove_node(const std::string& node);
  Result<mesh::v1::Node> tag_node(const std::string& node, const std::vector<std::string>& tags);
  Result<mesh::v1::Node> approve_node(const std::string& node);
  Result<mesh::v1::Node> renew_node(const std::string& node);
  Result<mesh::v1::Node> set_node_expiry(const mesh::v1::SetNodeExpiryRequest& request);
  Result<mesh::v1::Node> rotate_node_key(const std::string& node);

  Result<mesh::v1::Settings> get_settings();
  Result<mesh::v1::Settings> set_settings(const mesh::v1::SetSettingsRequest& request);

  Result<mesh::v1::Lock> get_lock();
  Result<mesh::v1::Lock> submit_lock_statement(const mesh::v1::SubmitLockStatementRequest& request);
  Result<mesh::v1::SubmitEndorsementsResponse> submit_endorsements(
      const mesh::v1::SubmitEndorsementsRequest& request);
  Result<mesh::v1::Lock> withdraw_lock_proposal(const std::string& digest);

  // `relay` is a name or an id in decimal.
  Result<mesh::v1::ListRelaysResponse> list_relays();
  Result<mesh::v1::Relay> get_relay(const std::string& relay);
  Result<mesh::v1::Relay> drain_relay(const mesh::v1::DrainRelayRequest& request);
  Status remove_relay(const std::string& relay);

  // Revision 0: the one in force. Setting and checking have 120 s: a text of 10 MB takes a while.
  Result<mesh::v1::Policy> get_policy(std::uint32_t revision = 0);
  Result<mesh::v1::SetPolicyResponse> set_policy(const mesh::v1::SetPolicyRequest& request);
  Result<mesh::v1::CheckPolicyResponse> check_policy(const std::string& text);
  Result<mesh::v1::ListPoliciesResponse> list_policies();
  Result<mesh::v1::GetRolloutResponse> get_rollout(const mesh::v1::MapVersion& version);
  Result<mesh::v1::Inventory> get_inventory();

  // One page, newest first.
  Result<mesh::v1::ListAuditEventsResponse> list_audit_events(
      const mesh::v1::ListAuditEventsRequest& request);
  // Calls on_event for each until `cancellation` is used, which is success. No deadline.
  Status watch_events(const mesh::v1::WatchEventsRequest& request,
                      const std::function<void(const mesh::v1::AuditEvent&)>& on_event,
                      Cancellation& cancellation);

 private:
  AdminClient(std::string server, std::string token, const std::shared_ptr<grpc::Channel>& channel);
  template <typename Request, typename Response>
  Result<Response> call(grpc::Status (mesh::v1::Admin::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                        const Request& request, const std::string& attempt,
                        std::chrono::seconds deadline = std::chrono::seconds(10));
  // A list whole: `merge(into, page)` moves a page's entries to those of before.
  template <typename Request, typename Response, typename Merge>
  Result<Response> list(grpc::Status (mesh::v1::Admin::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                        const std::string& attempt, const Merge& merge);

  std::string server_;
  std::string token_;
  std::unique_ptr<mesh::v1::Admin::Stub> stub_;
};

}  // namespace kernmesh::rpc
