// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/coordination_client.h"

#include <grpcpp/grpcpp.h>

#include "controller/rpc/channel.h"
#include "controller/rpc/status.h"
#include "mesh/v1/coordination.grpc.pb.h"

namespace kernmesh::rpc {
namespace {

using mesh::v1::Coordination;

// A call to a server on another continent over a lossy link takes a few seconds; more is a dead
// server.
constexpr auto kCallDeadline = std::chrono::seconds(10);

Status to_status(const grpc::Status& status, std::string_view attempt) {
  if (status.ok()) return {};
  return from_grpc(status).with_context(attempt);
}

}  // namespace

class CoordinationClient::Call {
 public:
  explicit Call(CoordinationClient& client) : client_(client) {
    const std::lock_guard lock(client_.mutex_);
    client_.running_.insert(&context_);
    if (client_.cancelled_) context_.TryCancel();
  }
  ~Call() {
    const std::lock_guard lock(client_.mutex_);
    client_.running_.erase(&context_);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Call& with_deadline() {
    context_.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    return *this;
  }
  Call& with(const Session& session) {
    context_.AddMetadata("authorization", "Bearer " + session.token);
    return *this;
  }
  grpc::ClientContext* context() { return &context_; }

 private:
  CoordinationClient& client_;
  grpc::ClientContext context_;
};

CoordinationClient::CoordinationClient(const std::string& host_port, const std::string& ca_pem,
                                       topology::CaFingerprint ca)
    : channel_(secure_channel(host_port, ca_pem, ChannelUse::kSession)), ca_(ca) {}

CoordinationClient::~CoordinationClient() = default;

Result<Session> CoordinationClient::register_node(const Registration& registration) {
  const auto stub = Coordination::NewStub(channel_);
  mesh::v1::ChallengeRequest challenge;
  mesh::v1::ChallengeResponse nonce;
  challenge.set_machine_key(to_wire(machine_public_key(registration.machine_secret)));
  Call asking(*this);
  MESH_TRY(to_status(stub->Challenge(asking.with_deadline().context(), challenge, &nonce),
                     "asking the server for a challenge"));

  const auto* nonce_bytes = reinterpret_cast<const std::uint8_t*>(nonce.nonce().data());
  const auto message =
      topology::registration_message(ca_, std::span(nonce_bytes, nonce.nonce().size()),
                                     registration.node_key, registration.disco_key);
  const Signature signature = sign(registration.machine_secret, message);
  mesh::v1::RegisterRequest request;
  request.set_nonce(nonce.nonce());
  request.set_machine_key(challenge.machine_key());
  request.set_node_key(to_wire(registration.node_key));
  request.set_disco_key(to_wire(registration.disco_key));
  request.set_signature(signature.data(), signature.size());
  request.set_join_key(registration.join_key);
  request.set_hostname(registration.hostname);
  request.set_protocol_minor(kProtocolMinor);
  request.set_agent_version(KERNMESH_VERSION);
  mesh::v1::RegisterResponse response;
  Call registering(*this);
  MESH_TRY(to_status(stub->Register(registering.with_deadline().context(), request, &response),
                     "registering with the server"));
  MESH_TRY_ASSIGN(const WallTime expires_at, time_from_wire(response.token_expires_at()));
  return Session{response.session_token(), expires_at, NodeId(response.node_id())};
}

Error CoordinationClient::watch(const Session& session, const std::optional<Held>& held,
                                const std::function<Status(Result<Update>)>& on_update) {
  const auto stub = Coordination::NewStub(channel_);
  Call call(*this);
  mesh::v1::WatchRequest request;
  if (held) {
    *request.mutable_held() = to_proto(held->version);
    request.set_self_digest(to_wire(held->digests.self));
    request.set_peers_digest(to_wire(held->digests.peers));
    request.set_rules_digest(to_wire(held->digests.rules));
  }
  const auto stream = stub->Watch(call.with(session).context(), request);
  mesh::v1::NetmapUpdate message;
  Status ended;
  while (ended && stream->Read(&message)) ended = on_update(from_proto(message));
  if (!ended) call.context()->TryCancel();
  const grpc::Status status = stream->Finish();
  if (!ended) return ended.error();
  if (status.ok()) return {ErrorCode::kUnavailable, "the server ended the watch"};
  return from_grpc(status).with_context("watching the netmap");
}

void CoordinationClient::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (auto* context : running_) context->TryCancel();
}

Status CoordinationClient::report(const Session& session, const Report& report) {
  mesh::v1::ReportRequest request;
  if (report.endpoints) {
    auto* list = request.mutable_endpoints();
    for (const auto& endpoint : *report.endpoints) *list->add_endpoints() = to_proto(endpoint);
  }
  if (report.applied) *request.mutable_applied() = to_proto(*report.applied);
  request.set_kernel_release(report.kernel_release);
  request.set_agent_version(KERNMESH_VERSION);
  mesh::v1::ReportResponse response;
  Call call(*this);
  call.with_deadline().with(session);
  return to_status(Coordination::NewStub(channel_)->Report(call.context(), request, &response),
                   "reporting to the server");
}

Status CoordinationClient::leave(const Session& session) {
  mesh::v1::LeaveResponse response;
  Call call(*this);
  call.with_deadline().with(session);
  return to_status(Coordination::NewStub(channel_)->Leave(call.context(), {}, &response),
                   "leaving the network");
}

}  // namespace kernmesh::rpc
