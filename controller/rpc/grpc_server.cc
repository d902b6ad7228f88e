// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/grpc_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include "controller/rpc/doorkeeper.h"
#include "controller/rpc/unary.h"
#include "controller/rpc/upload_reactor.h"
#include "controller/rpc/watch_reactor.h"
#include "mesh/v1/admin.grpc.pb.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "mesh/v1/relay.grpc.pb.h"

namespace kernmesh::rpc {
namespace {

namespace v1 = mesh::v1;
using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

class CoordinationService final : public v1::Coordination::CallbackService {
 public:
  CoordinationService(Gate& gate, CoordinationHandler& handler) : gate_(gate), handler_(handler) {}

  Unary* Challenge(Context* context, const v1::ChallengeRequest* request,
                   v1::ChallengeResponse* response) override {
    return answer(gate_, Role::kAnyone, context, response,
                  [&](const Caller&) -> Result<v1::ChallengeResponse> {
                    return handler_.challenge(*request);
                  });
  }
  Unary* Register(Context* context, const v1::RegisterRequest* request,
                  v1::RegisterResponse* response) override {
    return answer(
        gate_, Role::kAnyone, context, response,
        [&](const Caller&) -> Result<v1::RegisterResponse> { return handler_.enroll(*request); });
  }
  Unary* Report(Context* context, const v1::ReportRequest* request,
                v1::ReportResponse* response) override {
    return answer(gate_, Role::kNode, context, response,
                  [&](const Caller& caller) -> Result<v1::ReportResponse> {
                    return handler_.report(caller, *request);
                  });
  }
  Unary* Leave(Context* context, const v1::LeaveRequest* request,
               v1::LeaveResponse* response) override {
    return answer(gate_, Role::kNode, context, response,
                  [&](const Caller& caller) -> Result<v1::LeaveResponse> {
                    return handler_.leave(caller, *request);
                  });
  }
  grpc::ServerWriteReactor<v1::NetmapUpdate>* Watch(Context* context,
                                                    const v1::WatchRequest* request) override {
    // Shared by gRPC (until OnDone, through the reactor itself) and the server's list of streams.
    const auto reactor = std::make_shared<WatchReactor>(context);
    auto* raw = reactor.get();
    const auto caller = gate_.admit(Role::kNode, bearer_of(*context));
    if (!caller) {
      reactor->refuse(caller.error());
      return raw;
    }
    auto source = handler_.watch(*caller, *request, reactor);
    if (!source) {
      reactor->refuse(source.error());
    } else {
      reactor->start(std::move(*source), [this, who = *caller, raw] { handler_.closed(who, raw); });
    }
    return raw;
  }

 private:
  Gate& gate_;
  CoordinationHandler& handler_;
};

class RelayService final : public v1::RelayCoordination::CallbackService {
 public:
  RelayService(Gate& gate, RelayHandler& handler) : gate_(gate), handler_(handler) {}

  Unary* Challenge(Context* context, const v1::ChallengeRequest* request,
                   v1::ChallengeResponse* response) override {
    return answer(gate_, Role::kAnyone, context, response,
                  [&](const Caller&) { return handler_.challenge(*request); });
  }
  Unary* Register(Context* context, const v1::RegisterRelayRequest* request,
                  v1::RegisterRelayResponse* response) override {
    return answer(gate_, Role::kAnyone, context, response,
                  [&](const Caller&) { return handler_.enroll(*request); });
  }
  Unary* Report(Context* context, const v1::ReportRelayRequest* request,
                v1::ReportRelayResponse* response) override {
    return answer(gate_, Role::kRelay, context, response,
                  [&](const Caller& caller) { return handler_.report(caller, *request); });
  }

 private:
  Gate& gate_;
  RelayHandler& handler_;
};

class AdminService final : public v1::Admin::CallbackService {
 public:
  explicit AdminService(const Handlers& handlers)
      : gate_(handlers.gate),
        handler_(handlers.admin),
        policies_(handlers.policies),
        relays_(handlers.relay_admin) {}

  Unary* CreateUser(Context* context, const v1::CreateUserRequest* request,
                    v1::User* response) override {
    return administer(context, request, response, &AdminHandler::create_user);
  }
  Unary* ListUsers(Context* context, const v1::ListUsersRequest* request,
                   v1::ListUsersResponse* response) override {
    return administer(context, request, response, &AdminHandler::list_users);
  }
  Unary* DeleteUser(Context* context, const v1::DeleteUserRequest* request,
                    v1::DeleteUserResponse* response) override {
    return administer(context, request, response, &AdminHandler::delete_user);
  }
  Unary* CreateJoinKey(Context* context, const v1::CreateJoinKeyRequest* request,
                       v1::CreateJoinKeyResponse* response) override {
    return administer(context, request, response, &AdminHandler::create_join_key);
  }
  Unary* ListJoinKeys(Context* context, const v1::ListJoinKeysRequest* request,
                      v1::ListJoinKeysResponse* response) override {
    return administer(context, request, response, &AdminHandler::list_join_keys);
  }
  Unary* RevokeJoinKey(Context* context, const v1::RevokeJoinKeyRequest* request,
                       v1::JoinKey* response) override {
    return administer(context, request, response, &AdminHandler::revoke_join_key);
  }
  Unary* ListNodes(Context* context, const v1::ListNodesRequest* request,
                   v1::ListNodesResponse* response) override {
    return administer(context, request, response, &AdminHandler::list_nodes);
  }
  Unary* GetNode(Context* context, const v1::GetNodeRequest* request, v1::Node* response) override {
    return administer(context, request, response, &AdminHandler::get_node);
  }
  Unary* RenameNode(Context* context, const v1::RenameNodeRequest* request,
                    v1::Node* response) override {
    return administer(context, request, response, &AdminHandler::rename_node);
  }
  Unary* ExpireNode(Context* context, const v1::ExpireNodeRequest* request,
                    v1::Node* response) override {
    return administer(context, request, response, &AdminHandler::expire_node);
  }
  Unary* RemoveNode(Context* context, const v1::RemoveNodeRequest* request,
                    v1::RemoveNodeResponse* response) override {
    return administer(context, request, response, &AdminHandler::remove_node);
  }
  Unary* TagNode(Context* context, const v1::TagNodeRequest* request, v1::Node* response) override {
    return administer(context, request, response, &AdminHandler::tag_node);
  }
  Unary* GetPolicy(Context* context, const v1::GetPolicyRequest* request,
                   v1::Policy* response) override {
    return administer(context, request, response, &PolicyHandler::get_policy);
  }
  grpc::ServerReadReactor<v1::SetPolicyRequest>* SetPolicy(
      Context* context, v1::SetPolicyResponse* response) override {
    return upload(context, response, &PolicyHandler::set_policy);
  }
  grpc::ServerReadReactor<v1::CheckPolicyRequest>* CheckPolicy(
      Context* context, v1::CheckPolicyResponse* response) override {
    return upload(context, response, &PolicyHandler::check_policy);
  }
  Unary* ListPolicies(Context* context, const v1::ListPoliciesRequest* request,
                      v1::ListPoliciesResponse* response) override {
    return administer(context, request, response, &PolicyHandler::list_policies);
  }
  Unary* GetRollout(Context* context, const v1::GetRolloutRequest* request,
                    v1::GetRolloutResponse* response) override {
    return administer(context, request, response, &PolicyHandler::get_rollout);
  }
  Unary* GetInventory(Context* context, const v1::GetInventoryRequest* request,
                      v1::Inventory* response) override {
    return administer(context, request, response, &PolicyHandler::get_inventory);
  }
  Unary* ListRelays(Context* context, const v1::ListRelaysRequest* request,
                    v1::ListRelaysResponse* response) override {
    return administer(context, request, response, &RelayAdminHandler::list_relays);
  }
  Unary* GetRelay(Context* context, const v1::GetRelayRequest* request,
                  v1::Relay* response) override {
    return administer(context, request, response, &RelayAdminHandler::get_relay);
  }
  Unary* DrainRelay(Context* context, const v1::DrainRelayRequest* request,
                    v1::Relay* response) override {
    return administer(context, request, response, &RelayAdminHandler::drain_relay);
  }
  Unary* RemoveRelay(Context* context, const v1::RemoveRelayRequest* request,
                     v1::RemoveRelayResponse* response) override {
    return administer(context, request, response, &RelayAdminHandler::remove_relay);
  }

 private:
  template <typename Request, typename Response>
  Unary* administer(Context* context, const Request* request, Response* response,
                    Result<Response> (AdminHandler::*method)(const Request&)) {
    return answer(gate_, Role::kAdministrator, context, response,
                  [&](const Caller&) -> Result<Response> { return (handler_.*method)(*request); });
  }
  template <typename Request, typename Response>
  Unary* administer(Context* context, const Request* request, Response* response,
                    Result<Response> (PolicyHandler::*method)(const Request&)) {
    return answer(gate_, Role::kAdministrator, context, response,
                  [&](const Caller&) { return (policies_.*method)(*request); });
  }
  template <typename Request, typename Response>
  Unary* administer(Context* context, const Request* request, Response* response,
                    Result<Response> (RelayAdminHandler::*method)(const Request&)) {
    return answer(gate_, Role::kAdministrator, context, response,
                  [&](const Caller&) { return (relays_.*method)(*request); });
  }
  // The token is looked at before anything is read.
  template <typename Request, typename Response>
  grpc::ServerReadReactor<Request>* upload(
      Context* context, Response* response,
      Result<Response> (PolicyHandler::*method)(const Request&)) {
    const auto caller = gate_.admit(Role::kAdministrator, bearer_of(*context));
    auto* reactor = new UploadReactor<Request, Response>(
        response, [this, method](const Request& request) { return (policies_.*method)(request); });
    reactor->begin(caller ? Status() : Status(caller.error()));
    return reactor;
  }

  Gate& gate_;
  AdminHandler& handler_;
  PolicyHandler& policies_;
  RelayAdminHandler& relays_;
};

class RunningServer final : public GrpcServer {
 public:
  explicit RunningServer(const Handlers& handlers)
      : doorkeeper_(std::make_shared<Doorkeeper>(handlers.gate)),
        coordination_(handlers.gate, handlers.coordination),
        relays_(handlers.gate, handlers.relays),
        admin_(handlers) {}
  ~RunningServer() override { stop(Duration{}); }

  Status start(const ListenOptions& options) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    grpc::SslServerCredentialsOptions tls(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    tls.pem_key_cert_pairs.push_back({options.key_pem, options.chain_pem});
    const auto credentials = grpc::SslServerCredentials(tls);
    credentials->SetAuthMetadataProcessor(doorkeeper_);
    builder.AddListeningPort(options.address, credentials, &port_);
    builder.RegisterService(&coordination_);
    builder.RegisterService(&relays_);
    builder.RegisterService(&admin_);
    set_limits(builder);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return Error(ErrorCode::kUnavailable,
                   "cannot listen on " + options.address +
                       ": is the address this machine's, and is another program using the port?");
    }
    return {};
  }

  std::uint16_t port() const override { return static_cast<std::uint16_t>(port_); }

  void stop(Duration grace) override {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() +
                      std::chrono::duration_cast<std::chrono::system_clock::duration>(grace));
    server_->Wait();
    server_.reset();
  }

 private:
  static void set_limits(grpc::ServerBuilder& builder) {
    builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
    builder.SetMaxSendMessageSize(-1);
    // A request is bounded as it comes, not as what it unpacks to, and anybody may send one.
    builder.AddChannelArgument(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
                               1 << GRPC_COMPRESS_NONE);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsPerConnection);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Dead connections are found within 40 s; clients may ping every 10 s, also without a call.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 9'000);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 5);
  }

  std::shared_ptr<Doorkeeper> doorkeeper_;  // shared with the port's credentials
  CoordinationService coordination_;
  RelayService relays_;
  AdminService admin_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<GrpcServer>> start_grpc_server(const ListenOptions& options,
                                                      const Handlers& handlers) {
  auto server = std::make_unique<RunningServer>(handlers);
  MESH_TRY(server->start(options));
  return std::unique_ptr<GrpcServer>(std::move(server));
}

}  // namespace kernmesh::rpc
