// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/sign_in_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <optional>

#include "controller/core/signin/machine_proof.h"
#include "controller/core/signin/web_url.h"
#include "controller/rpc/unary_call.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "mesh/v1/signin.grpc.pb.h"

namespace kernmesh::rpc {
namespace {

using std::chrono::seconds;

// The server waits for its identity provider for 10 s before it says that there is no answer.
constexpr seconds kStartDeadline{15};

// What goes to a terminal as it is.
bool is_plain_text(const std::string& text, std::size_t most_bytes) {
  return !text.empty() && text.size() <= most_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

Result<SignInInvitation> from_answer(const mesh::v1::StartSignInResponse& response) {
  constexpr std::size_t kMostCode = 64;
  constexpr std::size_t kMostHandle = 256;
  // Loopback in the clear is what a test has; for anybody else it leads nowhere.
  const auto url = signin::parse_web_url(response.url(), signin::Transport::kHttpsOrLoopback);
  if (!url || !is_plain_text(response.user_code(), kMostCode) ||
      !is_plain_text(response.handle(), kMostHandle)) {
    return Error(ErrorCode::kCorrupt, "the server's invitation to sign in is not one");
  }
  const auto within = [](std::uint32_t value, std::uint32_t least, std::uint32_t most) {
    return seconds(std::clamp(value, least, most));
  };
  return SignInInvitation{response.handle(), url->text, response.user_code(),
                          within(response.lifetime_s(), 60, 3600),
                          within(response.interval_s(), 1, 60)};
}

Result<signin::Stage> from_wire(mesh::v1::AwaitSignInResponse::Stage stage) {
  switch (stage) {
    case mesh::v1::AwaitSignInResponse::STAGE_PENDING:
      return signin::Stage::kPending;
    case mesh::v1::AwaitSignInResponse::STAGE_AUTHORIZED:
      return signin::Stage::kAuthorized;
    case mesh::v1::AwaitSignInResponse::STAGE_CONSUMED:
      return signin::Stage::kConsumed;
    case mesh::v1::AwaitSignInResponse::STAGE_DENIED:
      return signin::Stage::kDenied;
    case mesh::v1::AwaitSignInResponse::STAGE_EXPIRED:
      return signin::Stage::kExpired;
    default:
      return Error(ErrorCode::kCorrupt, "the server tells of a sign-in what is not known here");
  }
}

// What ends the waiting, if anything does.
std::optional<Status> end_of(const signin::Outcome& outcome) {
  switch (outcome.stage) {
    case signin::Stage::kPending:
      return std::nullopt;
    case signin::Stage::kAuthorized:
    case signin::Stage::kConsumed:
      return Status();
    case signin::Stage::kDenied:
      return Status(Error(ErrorCode::kPermissionDenied, outcome.reason));
    case signin::Stage::kExpired:
      break;
  }
  return Status(Error(ErrorCode::kExpired, "nobody signed in in time"));
}

}  // namespace

SignInClient::SignInClient(const std::string& host_port, const std::string& ca_pem,
                           topology::CaFingerprint ca)
    : channel_(host_port, ca_pem), ca_(ca) {}

SignInClient::~SignInClient() = default;

Result<SignInInvitation> SignInClient::start(const Registration& registration) {
  const CallTerms terms{.attempt = "asking the server for a sign-in", .running = &running_};
  const auto challenger = mesh::v1::Coordination::NewStub(channel_.get());
  mesh::v1::ChallengeRequest challenge;
  challenge.set_machine_key(to_wire(machine_public_key(registration.machine_secret)));
  MESH_TRY_ASSIGN(
      const auto nonce,
      unary_call(*challenger, &mesh::v1::Coordination::Stub::Challenge, challenge, terms));
  const auto* nonce_bytes = reinterpret_cast<const std::uint8_t*>(nonce.nonce().data());
  const auto message = signin::to_bytes({ca_, std::span(nonce_bytes, nonce.nonce().size()),
                                         registration.node_key, registration.disco_key});
  const Signature signature = sign(registration.machine_secret, message);
  mesh::v1::StartSignInRequest request;
  request.set_nonce(nonce.nonce());
  request.set_machine_key(challenge.machine_key());
  request.set_node_key(to_wire(registration.node_key));
  request.set_disco_key(to_wire(registration.disco_key));
  request.set_signature(signature.data(), signature.size());
  request.set_hostname(registration.hostname);
  const auto stub = mesh::v1::SignIn::NewStub(channel_.get());
  auto patient = terms;
  patient.deadline = kStartDeadline;
  MESH_TRY_ASSIGN(const auto response,
                  unary_call(*stub, &mesh::v1::SignIn::Stub::StartSignIn, request, patient));
  return from_answer(response);
}

Result<signin::Outcome> SignInClient::outcome(const std::string& handle) {
  mesh::v1::AwaitSignInRequest request;
  request.set_handle(handle);
  const auto stub = mesh::v1::SignIn::NewStub(channel_.get());
  MESH_TRY_ASSIGN(
      const auto response,
      unary_call(*stub, &mesh::v1::SignIn::Stub::AwaitSignIn, request,
                 {.attempt = "asking whether somebody has signed in", .running = &running_}));
  MESH_TRY_ASSIGN(const auto stage, from_wire(response.stage()));
  return signin::Outcome{stage, response.reason()};
}

Status SignInClient::sign_in(const Registration& registration, const Waiting& waiting) {
  MESH_TRY_ASSIGN(auto invitation, start(registration));
  waiting.on_invitation(invitation);
  auto left = invitation.lifetime;
  while (left > seconds(0)) {
    if (!waiting.pause(invitation.interval)) {
      return Error(ErrorCode::kUnavailable, "the sign-in was given up");
    }
    left -= invitation.interval;
    const auto told = outcome(invitation.handle);
    if (told) {
      if (auto end = end_of(*told)) return *end;
      continue;
    }
    // A server that is away may be back before the invitation is over.
    if (told.error().code() == ErrorCode::kUnavailable) continue;
    if (told.error().code() != ErrorCode::kNotFound) return told.error();
    MESH_TRY_ASSIGN(invitation, start(registration));
    waiting.on_invitation(invitation);
    left = invitation.lifetime;
  }
  return Error(ErrorCode::kExpired, "nobody signed in in time");
}

}  // namespace kernmesh::rpc
