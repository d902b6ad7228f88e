// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/admin_service.h"

#include "controller/rpc/stream_reactor.h"
#include "controller/rpc/unary.h"
#include "controller/rpc/upload_reactor.h"
#include "mesh/v1/admin.grpc.pb.h"

namespace kernmesh::rpc {
namespace {

namespace v1 = mesh::v1;
using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

const MethodAccess& admin_method(const char* name) {
  return access_of(std::string("/mesh.v1.Admin/") + name);
}

class AdminService final : public v1::Admin::CallbackService {
 public:
  AdminService(Gate& gate, const AdminHandlers& handlers) : gate_(gate), handlers_(handlers) {}

  Unary* CreateUser(Context* context, const v1::CreateUserRequest* request,
                    v1::User* response) override {
    return serve({context, admin_method("CreateUser")}, request, response, handlers_.users,
                 &UserHandler::create_user);
  }
  Unary* ListUsers(Context* context, const v1::ListUsersRequest* request,
                   v1::ListUsersResponse* response) override {
    return serve({context, admin_method("ListUsers")}, request, response, handlers_.users,
                 &UserHandler::list_users);
  }
  Unary* DeleteUser(Context* context, const v1::DeleteUserRequest* request,
                    v1::DeleteUserResponse* response) override {
    return serve({context, admin_method("DeleteUser")}, request, response, handlers_.users,
                 &UserHandler::delete_user);
  }
  Unary* SetUserRoles(Context* context, const v1::SetUserRolesRequest* request,
                      v1::User* response) override {
    return serve({context, admin_method("SetUserRoles")}, request, response, handlers_.users,
                 &UserHandler::set_user_roles);
  }
  Unary* LinkUser(Context* context, const v1::LinkUserRequest* request,
                  v1::User* response) override {
    return serve({context, admin_method("LinkUser")}, request, response, handlers_.users,
                 &UserHandler::link_user);
  }
  Unary* CreateToken(Context* context, const v1::CreateTokenRequest* request,
                     v1::CreateTokenResponse* response) override {
    return serve({context, admin_method("CreateToken")}, request, response, handlers_.tokens,
                 &TokenHandler::create_token);
  }
  Unary* ListTokens(Context* context, const v1::ListTokensRequest* request,
                    v1::ListTokensResponse* response) override {
    return serve({context, admin_method("ListTokens")}, request, response, handlers_.tokens,
                 &TokenHandler::list_tokens);
  }
  Unary* RevokeToken(Context* context, const v1::RevokeTokenRequest* request,
                     v1::RevokeTokenResponse* response) override {
    return serve({context, admin_method("RevokeToken")}, request, response, handlers_.tokens,
                 &TokenHandler::revoke_token);
  }
  Unary* GetCaller(Context* context, const v1::GetCallerRequest* request,
                   v1::Caller* response) override {
    return serve({context, admin_method("GetCaller")}, request, response, handlers_.tokens,
                 &TokenHandler::get_caller);
  }
  Unary* CreateJoinKey(Context* context, const v1::CreateJoinKeyRequest* request,
                       v1::CreateJoinKeyResponse* response) override {
    return serve({context, admin_method("CreateJoinKey")}, request, response, handlers_.keys,
                 &JoinKeyHandler::create_join_key);
  }
  Unary* ListJoinKeys(Context* context, const v1::ListJoinKeysRequest* request,
                      v1::ListJoinKeysResponse* response) override {
    return serve({context, admin_method("ListJoinKeys")}, request, response, handlers_.keys,
                 &JoinKeyHandler::list_join_keys);
  }
  Unary* RevokeJoinKey(Context* context, const v1::RevokeJoinKeyRequest* request,
                       v1::JoinKey* response) override {
    return serve({context, admin_method("RevokeJoinKey")}, request, response, handlers_.keys,
                 &JoinKeyHandler::revoke_join_key);
  }
  Unary* ListNodes(Context* context, const v1::ListNodesRequest* request,
                   v1::ListNodesResponse* response) override {
    return serve({context, admin_method("ListNodes")}, request, response, handlers_.nodes,
                 &NodeHandler::list_nodes);
  }
  Unary* GetNode(Context* context, const v1::GetNodeRequest* request, v1::Node* response) override {
    return serve({context, admin_method("GetNode")}, request, response, handlers_.nodes,
                 &NodeHandler::get_node);
  }
  Unary* RenameNode(Context* context, const v1::RenameNodeRequest* request,
                    v1::Node* response) override {
    return serve({context, admin_method("RenameNode")}, request, response, handlers_.nodes,
                 &NodeHandler::rename_node);
  }
  Unary* ExpireNode(Context* context, const v1::ExpireNodeRequest* request,
                    v1::Node* response) override {
    return serve({context, admin_method("ExpireNode")}, request, response, handlers_.nodes,
                 &NodeHandler::expire_node);
  }
  Unary* RemoveNode(Context* context, const v1::RemoveNodeRequest* request,
                    v1::RemoveNodeResponse* response) override {
    return serve({context, admin_method("RemoveNode")}, request, response, handlers_.nodes,
                 &NodeHandler::remove_node);
  }
  Unary* TagNode(Context* context, const v1::TagNodeRequest* request, v1::Node* response) override {
    return serve({context, admin_method("TagNode")}, request, response, handlers_.nodes,
                 &NodeHandler::tag_node);
  }
  Unary* ApproveNode(Context* context, const v1::ApproveNodeRequest* request,
                     v1::Node* response) override {
    return serve({context, admin_method("ApproveNode")}, request, response, handlers_.nodes,
                 &NodeHandler::approve_node);
  }
  Unary* RenewNode(Context* context, const v1::RenewNodeRequest* request,
                   v1::Node* response) override {
    return serve({context, admin_method("RenewNode")}, request, response, handlers_.nodes,
                 &NodeHandler::renew_node);
  }
  Unary* SetNodeExpiry(Context* context, const v1::SetNodeExpiryRequest* request,
                       v1::Node* response) override {
    return serve({context, admin_method("SetNodeExpiry")}, request, response, handlers_.nodes,
                 &NodeHandler::set_node_expiry);
  }
  Unary* RotateNodeKey(Context* context, const v1::RotateNodeKeyRequest* request,
                       v1::Node* response) override {
    return serve({context, admin_method("RotateNodeKey")}, request, response, handlers_.nodes,
                 &NodeHandler::rotate_node_key);
  }
  Unary* GetSettings(Context* context, const v1::GetSettingsRequest* request,
                     v1::Settings* response) override {
    return serve({context, admin_method("GetSettings")}, request, response, handlers_.settings,
                 &SettingsHandler::get_settings);
  }
  Unary* SetSettings(Context* context, const v1::SetSettingsRequest* request,
                     v1::Settings* response) override {
    return serve({context, admin_method("SetSettings")}, request, response, handlers_.settings,
                 &SettingsHandler::set_settings);
  }
  Unary* GetLock(Context* context, const v1::GetLockRequest* request, v1::Lock* response) override {
    return serve({context, admin_method("GetLock")}, request, response, handlers_.lock,
                 &LockHandler::get_lock);
  }
  Unary* SubmitLockStatement(Context* context, const v1::SubmitLockStatementRequest* request,
                             v1::Lock* response) override {
    return serve({context, admin_method("SubmitLockStatement")}, request, response, handlers_.lock,
                 &LockHandler::submit_statement);
  }
  Unary* SubmitEndorsements(Context* context, const v1::SubmitEndorsementsRequest* request,
                            v1::SubmitEndorsementsResponse* response) override {
    return serve({context, admin_method("SubmitEndorsements")}, request, response, handlers_.lock,
                 &LockHandler::submit_endorsements);
  }
  Unary* WithdrawLockProposal(Context* context, const v1::WithdrawLockProposalRequest* request,
                              v1::Lock* response) override {
    return serve({context, admin_method("WithdrawLockProposal")}, request, response, handlers_.lock,
                 &LockHandler::withdraw_proposal);
  }
  Unary* GetPolicy(Context* context, const v1::GetPolicyRequest* request,
                   v1::Policy* response) override {
    return serve({context, admin_method("GetPolicy")}, request, response, handlers_.policies,
                 &PolicyHandler::get_policy);
  }
  Unary* ListPolicies(Context* context, const v1::ListPoliciesRequest* request,
                      v1::ListPoliciesResponse* response) override {
    return serve({context, admin_method("ListPolicies")}, request, response, handlers_.policies,
                 &PolicyHandler::list_policies);
  }
  Unary* GetRollout(Context* context, const v1::GetRolloutRequest* request,
                    v1::GetRolloutResponse* response) override {
    return serve({context, admin_method("GetRollout")}, request, response, handlers_.policies,
                 &PolicyHandler::get_rollout);
  }
  Unary* GetInventory(Context* context, const v1::GetInventoryRequest* request,
                      v1::Inventory* response) override {
    return serve({context, admin_method("GetInventory")}, request, response, handlers_.policies,
                 &PolicyHandler::get_inventory);
  }
  Unary* ListRelays(Context* context, const v1::ListRelaysRequest* request,
                    v1::ListRelaysResponse* response) override {
    return serve({context, admin_method("ListRelays")}, request, response, handlers_.relays,
                 &RelayAdminHandler::list_relays);
  }
  Unary* GetRelay(Context* context, const v1::GetRelayRequest* request,
                  v1::Relay* response) override {
    return serve({context, admin_method("GetRelay")}, request, response, handlers_.relays,
                 &RelayAdminHandler::get_relay);
  }
  Unary* DrainRelay(Context* context, const v1::DrainRelayRequest* request,
                    v1::Relay* response) override {
    return serve({context, admin_method("DrainRelay")}, request, response, handlers_.relays,
                 &RelayAdminHandler::drain_relay);
  }
  Unary* RemoveRelay(Context* context, const v1::RemoveRelayRequest* request,
                     v1::RemoveRelayResponse* response) override {
    return serve({context, admin_method("RemoveRelay")}, request, response, handlers_.relays,
                 &RelayAdminHandler::remove_relay);
  }
  Unary* ListAuditEvents(Context* context, const v1::ListAuditEventsRequest* request,
                         v1::ListAuditEventsResponse* response) override {
    return serve({context, admin_method("ListAuditEvents")}, request, response, handlers_.audit,
                 &AuditHandler::list_audit_events);
  }
  grpc::ServerReadReactor<v1::SetPolicyRequest>* SetPolicy(
      Context* context, v1::SetPolicyResponse* response) override {
    return upload({context, admin_method("SetPolicy")}, response, &PolicyHandler::set_policy);
  }
  grpc::ServerReadReactor<v1::CheckPolicyRequest>* CheckPolicy(
      Context* context, v1::CheckPolicyResponse* response) override {
    return upload({context, admin_method("CheckPolicy")}, response, &PolicyHandler::check_policy);
  }
  grpc::ServerWriteReactor<v1::AuditEvent>* WatchEvents(
      Context* context, const v1::WatchEventsRequest* request) override {
    // Shared as CoordinationService's.
    const auto reactor = std::make_shared<StreamReactor<v1::AuditEvent>>(context);
    auto* raw = reactor.get();
    const auto& method = admin_method("WatchEvents");
    const auto caller = admit(gate_, {context, method});
    if (!caller) {
      reactor->refuse(to_grpc(caller.error(), method));
      return raw;
    }
    auto source = handlers_.audit.watch_events(*caller, *request, reactor);
    if (!source) {
      reactor->refuse(failure(gate_, *caller, method, source.error()));
    } else {
      reactor->start(std::move(*source), [this, raw] { handlers_.audit.closed(raw); });
    }
    return raw;
  }

 private:
  template <typename Request, typename Response, typename Handler>
  Unary* serve(const ServerCall& call, const Request* request, Response* response, Handler& handler,
               Result<Response> (Handler::*method)(const Caller&, const Request&)) {
    return answer(gate_, call, response,
                  [&](const Caller& caller) { return (handler.*method)(caller, *request); });
  }
  // The token is looked at before anything is read.
  template <typename Request, typename Response>
  grpc::ServerReadReactor<Request>* upload(
      const ServerCall& call, Response* response,
      Result<Response> (PolicyHandler::*method)(const Caller&, const Request&)) {
    const auto caller = admit(gate_, call);
    const auto handle = [this, method, caller](const Request& request) {
      return (handlers_.policies.*method)(*caller, request);
    };
    const auto fail = [this, caller, &access = call.method](const Error& error) {
      return caller ? failure(gate_, *caller, access, error) : to_grpc(error, access);
    };
    auto* reactor = new UploadReactor<Request, Response>(response, {handle, fail});
    reactor->begin(caller ? Status() : Status(caller.error()));
    return reactor;
  }

  Gate& gate_;
  AdminHandlers handlers_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_admin_service(Gate& gate, const AdminHandlers& handlers) {
  return std::make_unique<AdminService>(gate, handlers);
}

}  // namespace kernmesh::rpc
