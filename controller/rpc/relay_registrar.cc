// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/relay_registrar.h"

#include <grpcpp/grpcpp.h>

#include "controller/rpc/unary_call.h"
#include "mesh/v1/relay.grpc.pb.h"

namespace kernmesh::rpc {

using mesh::v1::RelayCoordination;

RelayRegistrar::RelayRegistrar(const std::string& host_port, const std::string& ca_pem,
                               topology::CaFingerprint ca)
    : channel_(host_port, ca_pem), ca_(ca) {}

RelayRegistrar::~RelayRegistrar() = default;

Result<RelaySession> RelayRegistrar::register_relay(const RelayRegistration& registration) {
  const auto stub = RelayCoordination::NewStub(channel_.get());
  mesh::v1::ChallengeRequest challenge;
  challenge.set_machine_key(to_wire(machine_public_key(registration.machine_secret)));
  MESH_TRY_ASSIGN(
      const auto nonce,
      unary_call(*stub, &RelayCoordination::Stub::Challenge, challenge,
                 {.attempt = "asking the server for a challenge", .running = &running_}));
  const auto* nonce_bytes = reinterpret_cast<const std::uint8_t*>(nonce.nonce().data());
  const auto message = topology::relay_registration_message(
      ca_, std::span(nonce_bytes, nonce.nonce().size()), registration.relay_key);
  const Signature signature = sign(registration.machine_secret, message);
  mesh::v1::RegisterRelayRequest request;
  request.set_nonce(nonce.nonce());
  request.set_machine_key(challenge.machine_key());
  request.set_relay_key(to_wire(registration.relay_key));
  request.set_signature(signature.data(), signature.size());
  request.set_join_key(registration.join_key);
  request.set_name(registration.name);
  request.set_region(registration.region);
  request.set_relay_version(KERNMESH_VERSION);
  MESH_TRY_ASSIGN(const auto response,
                  unary_call(*stub, &RelayCoordination::Stub::Register, request,
                             {.attempt = "registering with the server", .running = &running_}));
  return RelaySession{response.session_token(), relay::RelayId(response.relay_id()),
                      response.name()};
}

Result<RelayOrders> RelayRegistrar::report(const RelaySession& session, const RelayReport& report) {
  mesh::v1::ReportRelayRequest request;
  for (const auto& endpoint : report.endpoints) *request.add_endpoints() = to_proto(endpoint);
  request.set_tls_port(report.tls_port.value());
  if (report.tls_port != Port())
    request.set_tls_fingerprint(report.tls_fingerprint.data(), report.tls_fingerprint.size());
  *request.mutable_load() = report.load;
  request.set_relay_version(KERNMESH_VERSION);
  const auto stub = RelayCoordination::NewStub(channel_.get());
  MESH_TRY_ASSIGN(const auto response, unary_call(*stub, &RelayCoordination::Stub::Report, request,
                                                  {.attempt = "reporting to the server",
                                                   .token = session.token,
                                                   .running = &running_}));
  RelayOrders orders;
  orders.drain = response.drain();
  for (const auto& bytes : response.ticket_keys()) {
    MESH_TRY_ASSIGN(const auto key, ticket_key_from_wire(bytes));
    orders.ticket_keys.push_back(key);
  }
  return orders;
}

}  // namespace kernmesh::rpc
