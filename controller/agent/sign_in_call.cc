// SPDX-License-Identifier: Apache-2.0
// `up` without a join key (L3): as a node that the server knows, else after a person has signed in.
#include "controller/agent/agent.h"
#include "controller/agent/host_view.h"
#include "controller/agent/loop_call.h"
#include "controller/agent/status_report.h"
#include "controller/rpc/certificate.h"

namespace kernmesh::agent {
namespace {

// What the server says of a machine that somebody has to vouch for: unknown, or out of time.
bool calls_for_person(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kExpired;
}

// Whether it is known without asking the server that it does not let this node in any more.
bool is_locked_out(const std::optional<Error>& server_error, const netmap::Netmap* map) {
  if (server_error && calls_for_person(*server_error)) return true;
  if (map == nullptr) return false;
  const WallTime end = map->self.key_expires_at;
  return end != WallTime{} && host::wall_now() >= end;
}

struct Standing {
  Settings settings;
  bool locked_out = false;
};

}  // namespace

Status Agent::await_person(const Join& join, const rpc::Stream<mesh::v1::SignInResponse>& stream) {
  MESH_TRY_ASSIGN(const auto authority, rpc::read_certificates(join.settings.ca_pem));
  MESH_TRY_ASSIGN(auto identity,
                  on_loop<Identity>([this]() -> Result<Identity> { return identity_; }));
  const auto& name = join.settings.hostname;
  const PersonWait::Place place{join.settings.server, join.settings.ca_pem,
                                authority.front().fingerprint,
                                name.empty() ? machine_hostname() : name, std::move(identity)};
  const auto tell = [&stream](const rpc::SignInInvitation& invitation) {
    mesh::v1::SignInResponse response;
    response.mutable_invitation()->set_url(invitation.url);
    response.mutable_invitation()->set_user_code(invitation.user_code);
    response.mutable_invitation()->set_lifetime_s(
        static_cast<std::uint32_t>(invitation.lifetime.count()));
    stream.send(response);
  };
  return person_.wait(place, {tell, stream.is_open});
}

Status Agent::sign_in(const mesh::v1::UpRequest& request,
                      const rpc::Stream<mesh::v1::SignInResponse>& stream) {
  const MonoTime began = host::mono_now();
  MESH_TRY_ASSIGN(
      auto standing, on_loop<Standing>([this]() -> Result<Standing> {
        return Standing{settings_, !connected_ && is_locked_out(server_error_, stored_.get())};
      }));
  MESH_TRY_ASSIGN(auto join, prepare_join(request, std::move(standing.settings)));
  bool wants_person = request.sign_in() || standing.locked_out;
  if (!wants_person) {
    const Status up = bring_up(join, stream.is_open);
    if (!up && !calls_for_person(up.error())) return up;
    wants_person = !up;
  }
  if (wants_person) {
    MESH_TRY(await_person(join, stream));
    join.proof = Proof::kNew;
    MESH_TRY(bring_up(join, stream.is_open));
  }
  mesh::v1::SignInResponse response;
  MESH_TRY_ASSIGN(*response.mutable_up(),
                  on_loop<mesh::v1::UpResponse>([this, began]() -> Result<mesh::v1::UpResponse> {
                    return up_answer(stored_.get(), host::mono_now() - began);
                  }));
  stream.send(response);
  return {};
}

}  // namespace kernmesh::agent
