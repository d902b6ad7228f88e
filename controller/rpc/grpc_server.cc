// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include "controller/rpc/admin_service.h"
#include "controller/rpc/doorkeeper.h"
#include "controller/rpc/sign_in_service.h"
#include "controller/rpc/stream_reactor.h"
#include "controller/rpc/unary.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "mesh/v1/relay.grpc.pb.h"

namespace kernmesh::rpc {
namespace {

namespace v1 = mesh::v1;
using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

const MethodAccess& coordination_method(const char* name) {
  return access_of(std::string("/mesh.v1.Coordination/") + name);
}
const MethodAccess& relay_method(const char* name) {
  return access_of(std::string("/mesh.v1.RelayCoordination/") + name);
}

class CoordinationService final : public v1::Coordination::CallbackService {
 public:
  CoordinationService(Gate& gate, CoordinationHandler& handler) : gate_(gate), handler_(handler) {}

  Unary* Challenge(Context* context, const v1::ChallengeRequest* request,
                   v1::ChallengeResponse* response) override {
    return answer(gate_, {context, coordination_method("Challenge")}, response,
                  [&](const Caller& caller) { return handler_.challenge(caller, *request); });
  }
  Unary* Register(Context* context, const v1::RegisterRequest* request,
                  v1::RegisterResponse* response) override {
    return answer(gate_, {context, coordination_method("Register")}, response,
                  [&](const Caller& caller) { return handler_.enroll(caller, *request); });
  }
  Unary* Report(Context* context, const v1::ReportRequest* request,
                v1::ReportResponse* response) override {
    return answer(gate_, {context, coordination_method("Report")}, response,
                  [&](const Caller& caller) { return handler_.report(caller, *request); });
  }
  Unary* Leave(Context* context, const v1::LeaveRequest* request,
               v1::LeaveResponse* response) override {
    return answer(gate_, {context, coordination_method("Leave")}, response,
                  [&](const Caller& caller) { return handler_.leave(caller, *request); });
  }
  grpc::ServerWriteReactor<v1::NetmapUpdate>* Watch(Context* context,
                                                    const v1::WatchRequest* request) override {
    // Shared by gRPC (until OnDone, through the reactor itself) and the server's list of streams.
    const auto reactor = std::make_shared<StreamReactor<v1::NetmapUpdate>>(context);
    auto* raw = reactor.get();
    const auto caller = admit(gate_, {context, coordination_method("Watch")});
    if (!caller) {
      reactor->refuse(to_grpc(caller.error()));
      return raw;
    }
    auto source = handler_.watch(*caller, *request, reactor);
    if (!source) {
      reactor->refuse(to_grpc(source.error()));
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
    return answer(gate_, {context, relay_method("Challenge")}, response,
                  [&](const Caller& caller) { return handler_.challenge(caller, *request); });
  }
  Unary* Register(Context* context, const v1::RegisterRelayRequest* request,
                  v1::RegisterRelayResponse* response) override {
    return answer(gate_, {context, relay_method("Register")}, response,
                  [&](const Caller& caller) { return handler_.enroll(caller, *request); });
  }
  Unary* Report(Context* context, const v1::ReportRelayRequest* request,
                v1::ReportRelayResponse* response) override {
    return answer(gate_, {context, relay_method("Report")}, response,
                  [&](const Caller& caller) { return handler_.report(caller, *request); });
  }

 private:
  Gate& gate_;
  RelayHandler& handler_;
};

class RunningServer final : public GrpcServer {
 public:
  explicit RunningServer(const Handlers& handlers)
      : doorkeeper_(std::make_shared<Doorkeeper>(handlers.gate)),
        coordination_(handlers.gate, handlers.coordination),
        relays_(handlers.gate, handlers.relays),
        sign_in_(handlers.gate, handlers.sign_in),
        admin_(make_admin_service(handlers.gate, handlers.admin)) {}
  ~RunningServer() override { stop(Duration{}); }

  Status start(const ListenOptions& options) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    grpc::SslServerCredentialsOptions tls(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    tls.pem_key_cert_pairs.push_back({options.key_pem, options.chain_pem});
    const auto credentials = grpc::SslServerCredentials(tls);
    credentials->SetAuthMetadataProcessor(doorkeeper_);
    builder.AddListeningPort(options.address, credentials, &port_);
    builder.RegisterService(&coordination_);
    builder.RegisterService(&relays_);
    builder.RegisterService(&sign_in_);
    builder.RegisterService(admin_.get());
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
    // For TLS and the client's SETTINGS, as long as a dead connection lives; gRPC's own bound is
    // two minutes. Much less, and ten thousand that come at once are sent away before it is their
    // turn.
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 40'000);
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
  SignInService sign_in_;
  std::unique_ptr<grpc::Service> admin_;
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
