// SPDX-License-Identifier: Apache-2.0
#include "controller/server/enrollment.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "controller/rpc/convert.h"
#include "controller/server/token.h"

namespace kernmesh::server {
namespace {

constexpr std::size_t kMaxHostname = 255;
constexpr std::size_t kMaxVersion = 64;
constexpr std::uint32_t kProtocolMinor = 1;

}  // namespace

Result<mesh::v1::ChallengeResponse> Enrollment::challenge(
    const mesh::v1::ChallengeRequest& request) {
  MESH_TRY_ASSIGN(const auto key, rpc::machine_key_from_wire(request.machine_key()));
  mesh::v1::ChallengeResponse response;
  response.set_nonce(proofs_.nonce_for(key));
  return response;
}

Result<Applicant> Enrollment::check(const mesh::v1::RegisterRequest& request) {
  Applicant applicant;
  MESH_TRY_ASSIGN(applicant.machine_key, rpc::machine_key_from_wire(request.machine_key()));
  MESH_TRY_ASSIGN(applicant.node_key, rpc::node_key_from_wire(request.node_key()));
  MESH_TRY_ASSIGN(applicant.disco_key, rpc::disco_key_from_wire(request.disco_key()));
  const std::vector<std::uint8_t> nonce(request.nonce().begin(), request.nonce().end());
  MESH_TRY(proofs_.check(
      {applicant.machine_key, request.nonce(), request.signature(),
       topology::registration_message(ca_, nonce, applicant.node_key, applicant.disco_key)}));
  if (!request.join_key().empty()) {
    MESH_TRY_ASSIGN(applicant.ticket, topology::parse_ticket(request.join_key()));
  }
  applicant.endorsement = rpc::bytes_from_wire(request.endorsement());
  applicant.hostname = request.hostname().substr(0, kMaxHostname);
  applicant.agent_version = printable(request.agent_version(), kMaxVersion);
  return applicant;
}

// After the node is written: a sign-in that has lapsed meanwhile was good all the same.
void Enrollment::use_up_sign_in(const Applicant& applicant) {
  const auto used = desk_->consume(applicant.machine_key, applicant.node_key);
  if (!used) {
    spdlog::debug("sign-in of machine {}: {}", to_string(applicant.machine_key),
                  used.error().message());
  }
}

// That a node is unknown or has expired is what every agent hears that was away for long: a line in
// the log, and no event.
void Enrollment::audit_denial(const rpc::Caller& caller, const Applicant& applicant,
                              const Error& error) {
  denials_.warn(DenialLog::By::kStranger, "registration of machine " +
                                              to_string(applicant.machine_key) +
                                              " denied: " + error.message());
  if (error.code() != ErrorCode::kAlreadyExists && error.code() != ErrorCode::kPermissionDenied) {
    return;
  }
  denials_.note(DenialLog::By::kStranger, {{},
                                           "machine " + to_string(applicant.machine_key),
                                           "register.denied",
                                           "node key " + to_string(applicant.node_key),
                                           error.message(),
                                           caller.from});
}

Result<mesh::v1::RegisterResponse> Enrollment::enroll(const rpc::Caller& caller,
                                                      const mesh::v1::RegisterRequest& request) {
  MESH_TRY_ASSIGN(auto applicant, check(request));
  MESH_TRY(machines_.check(applicant.machine_key, request.instance()));
  Session session;
  session.machine_key = applicant.machine_key;
  {
    const std::lock_guard lock(joining_);
    bool takes_sign_in = false;
    if (desk_ != nullptr && !applicant.ticket) {
      const auto person = desk_->find_admission(applicant.machine_key, applicant.node_key);
      if (person) applicant.person = *person;
    }
    const auto plan = [&](const View& view) -> Result<store::Commit> {
      MESH_TRY_ASSIGN(auto admission, plan_admission(view, applicant, ca_, clock_()));
      session.node = admission.node;
      takes_sign_in = admission.takes_sign_in;
      for (auto& event : admission.commit.audit) event.from = caller.from;
      return std::move(admission.commit);
    };
    if (const auto status = commit_planned(directory_, store_, plan); !status) {
      audit_denial(caller, applicant, status.error());
      return status.error();
    }
    if (takes_sign_in) use_up_sign_in(applicant);
  }
  session.expires_at = clock_() + kSessionLifetime;
  mesh::v1::RegisterResponse response;
  response.set_session_token(directory_.read(
      [&](const View& view) { return make_session_token(view.meta.token_secret, session); }));
  response.set_token_expires_at(rpc::to_wire(session.expires_at));
  response.set_node_id(session.node.value());
  response.set_protocol_minor(std::min(request.protocol_minor(), kProtocolMinor));
  response.set_server_time(rpc::to_wire(clock_()));
  return response;
}

}  // namespace kernmesh::server
