// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/coordination_client.h"

#include <grpcpp/grpcpp.h>

#include "controller/rpc/element_count.h"
#include "controller/rpc/status.h"
#include "controller/rpc/unary_call.h"
#include "mesh/v1/coordination.grpc.pb.h"

namespace kernmesh::rpc {
namespace {

using mesh::v1::Coordination;

// The Watch stream in bytes, which the generated stub would unfold before anybody could look. Made
// as that stub makes its own.
std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> open_watch(
    grpc::Channel& channel, grpc::ClientContext& context, const mesh::v1::WatchRequest& request) {
  const grpc::internal::RpcMethod method("/mesh.v1.Coordination/Watch",
                                         grpc::internal::RpcMethod::SERVER_STREAMING);
  using Factory = grpc::internal::ClientReaderFactory<grpc::ByteBuffer>;
  return std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>>(
      Factory::Create(&channel, method, &context, request));
}

Result<Update> update_from_wire(const grpc::ByteBuffer& message) {
  grpc::Slice bytes;
  if (!message.DumpToSingleSlice(&bytes).ok()) {
    return Error(ErrorCode::kSystem, "no memory for a message of the server");
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
  MESH_TRY(check_elements(text, *mesh::v1::NetmapUpdate::descriptor()));
  mesh::v1::NetmapUpdate update;
  if (!update.ParseFromArray(bytes.begin(), static_cast<int>(bytes.size()))) {
    return Error(ErrorCode::kCorrupt, "the message does not parse");
  }
  return from_proto(update);
}

// Nothing for all zero, which is no instance.
template <typename Request>
void set_instance(const topology::AgentInstance& instance, Request& request) {
  if (instance != topology::AgentInstance{}) request.set_instance(instance.data(), instance.size());
}

}  // namespace

CoordinationClient::CoordinationClient(const std::string& host_port, const std::string& ca_pem,
                                       topology::CaFingerprint ca)
    : channel_(host_port, ca_pem), ca_(ca) {}

CoordinationClient::~CoordinationClient() = default;

Result<Session> CoordinationClient::register_node(const Registration& registration) {
  const auto stub = Coordination::NewStub(channel_.get());
  mesh::v1::ChallengeRequest challenge;
  challenge.set_machine_key(to_wire(machine_public_key(registration.machine_secret)));
  const CallTerms asking{.attempt = "asking the server for a challenge", .running = &running_};
  MESH_TRY_ASSIGN(const auto nonce,
                  unary_call(*stub, &Coordination::Stub::Challenge, challenge, asking));

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
  set_instance(registration.instance, request);
  request.set_endorsement(to_wire(registration.endorsement));
  const CallTerms registering{.attempt = "registering with the server", .running = &running_};
  MESH_TRY_ASSIGN(const auto response,
                  unary_call(*stub, &Coordination::Stub::Register, request, registering));
  MESH_TRY_ASSIGN(const WallTime expires_at, time_from_wire(response.token_expires_at()));
  return Session{response.session_token(), expires_at, NodeId(response.node_id()),
                 registration.instance};
}

Error CoordinationClient::watch(const Session& session, const std::optional<Held>& held,
                                const std::function<Status(Result<Update>)>& on_update) {
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + session.token);
  const RunningCalls::Entry entry(running_, context);
  mesh::v1::WatchRequest request;
  if (held) {
    *request.mutable_held() = to_proto(held->version);
    request.set_self_digest(to_wire(held->digests.self));
    request.set_peers_digest(to_wire(held->digests.peers));
    request.set_rules_digest(to_wire(held->digests.rules));
    request.set_sets_digest(to_wire(held->digests.sets));
  }
  set_instance(session.instance, request);
  // Also without a map: they say that this agent wants to know of relays and of a lock.
  request.set_relays_digest(to_wire(held ? held->digests.relays : netmap::Digest()));
  request.set_lock_digest(to_wire(held ? held->digests.lock : netmap::Digest()));
  const auto channel = channel_.get();
  const auto stream = open_watch(*channel, context, request);
  grpc::ByteBuffer message;
  Status ended;
  while (ended && stream->Read(&message)) ended = on_update(update_from_wire(message));
  if (!ended) context.TryCancel();
  const grpc::Status status = stream->Finish();
  if (!ended) return ended.error();
  if (status.ok()) return {ErrorCode::kUnavailable, "the server ended the watch"};
  return from_grpc(status).with_context("watching the netmap");
}

Status CoordinationClient::report(const Session& session, const Report& report) {
  mesh::v1::ReportRequest request;
  if (report.endpoints) {
    auto* list = request.mutable_endpoints();
    for (const auto& endpoint : *report.endpoints) *list->add_endpoints() = to_proto(endpoint);
  }
  if (report.applied) *request.mutable_applied() = to_proto(*report.applied);
  if (report.home_relay) request.set_home_relay(report.home_relay->value());
  request.set_kernel_release(report.kernel_release);
  request.set_agent_version(KERNMESH_VERSION);
  const auto stub = Coordination::NewStub(channel_.get());
  MESH_TRY(unary_call(
      *stub, &Coordination::Stub::Report, request,
      {.attempt = "reporting to the server", .token = session.token, .running = &running_}));
  return {};
}

Status CoordinationClient::leave(const Session& session) {
  const auto stub = Coordination::NewStub(channel_.get());
  MESH_TRY(
      unary_call(*stub, &Coordination::Stub::Leave, mesh::v1::LeaveRequest(),
                 {.attempt = "leaving the network", .token = session.token, .running = &running_}));
  return {};
}

}  // namespace kernmesh::rpc
