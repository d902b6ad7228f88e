// SPDX-License-Identifier: Apache-2.0
#include "controller/server/sign_in_reception.h"

#include "controller/core/signin/machine_proof.h"
#include "controller/rpc/convert.h"

namespace kernmesh::server {
namespace {

constexpr std::size_t kMostHostnameBytes = 255;
// How often an agent asks. A person takes half a minute at the least.
constexpr std::uint32_t kAwaitIntervalS = 2;

mesh::v1::AwaitSignInResponse::Stage to_wire_stage(signin::Stage stage) {
  switch (stage) {
    case signin::Stage::kPending:
      return mesh::v1::AwaitSignInResponse::STAGE_PENDING;
    case signin::Stage::kAuthorized:
      return mesh::v1::AwaitSignInResponse::STAGE_AUTHORIZED;
    case signin::Stage::kConsumed:
      return mesh::v1::AwaitSignInResponse::STAGE_CONSUMED;
    case signin::Stage::kDenied:
      return mesh::v1::AwaitSignInResponse::STAGE_DENIED;
    case signin::Stage::kExpired:
      return mesh::v1::AwaitSignInResponse::STAGE_EXPIRED;
  }
  return mesh::v1::AwaitSignInResponse::STAGE_UNSPECIFIED;
}

Result<mesh::v1::StartSignInResponse> to_response(const Result<Invitation>& invitation) {
  if (!invitation) return invitation.error();
  mesh::v1::StartSignInResponse response;
  response.set_handle(invitation->handle);
  response.set_url(invitation->url);
  response.set_user_code(invitation->user_code);
  response.set_lifetime_s(static_cast<std::uint32_t>(invitation->lifetime.count()));
  response.set_interval_s(kAwaitIntervalS);
  return response;
}

}  // namespace

std::string source_of_peer(const std::string& peer) {
  const auto colon = peer.find(':');
  std::string rest = colon == std::string::npos ? "" : peer.substr(colon + 1);
  // gRPC writes an address of IPv6 as a URL would have it.
  for (const auto& [escaped, plain] : {std::pair("%5B", "["), std::pair("%5D", "]")}) {
    if (const auto at = rest.find(escaped); at != std::string::npos) rest.replace(at, 3, plain);
  }
  const auto endpoint = Endpoint::parse(rest);
  if (!endpoint) return "unknown";
  if (endpoint->address.is_v4()) return to_string(endpoint->address);
  const auto prefix = Prefix::make(endpoint->address, 64);
  return prefix ? to_string(*prefix) : "unknown";
}

Result<signin::Newcomer> SignInReception::check(const mesh::v1::StartSignInRequest& request,
                                                const std::string& peer) {
  signin::Newcomer newcomer;
  MESH_TRY_ASSIGN(newcomer.machine_key, rpc::machine_key_from_wire(request.machine_key()));
  MESH_TRY_ASSIGN(newcomer.node_key, rpc::node_key_from_wire(request.node_key()));
  MESH_TRY_ASSIGN(const auto disco_key, rpc::disco_key_from_wire(request.disco_key()));
  const std::vector<std::uint8_t> nonce(request.nonce().begin(), request.nonce().end());
  MESH_TRY(proofs_.check({newcomer.machine_key, request.nonce(), request.signature(),
                          signin::to_bytes({ca_, nonce, newcomer.node_key, disco_key})}));
  newcomer.hostname = printable(request.hostname(), kMostHostnameBytes);
  newcomer.source = source_of_peer(peer);
  return newcomer;
}

void SignInReception::start(const mesh::v1::StartSignInRequest& request, const std::string& peer,
                            std::shared_ptr<rpc::StartSignInCall> call) {
  const auto newcomer = check(request, peer);
  if (!newcomer) {
    call->answer(newcomer.error());
    return;
  }
  desk_.open(*newcomer, {[call](const Result<Invitation>& invitation) {
                           return call->answer(to_response(invitation));
                         },
                         [call] { return call->is_open(); }});
}

Result<mesh::v1::AwaitSignInResponse> SignInReception::await(
    const mesh::v1::AwaitSignInRequest& request) {
  MESH_TRY_ASSIGN(const auto outcome, desk_.outcome(request.handle()));
  mesh::v1::AwaitSignInResponse response;
  response.set_stage(to_wire_stage(outcome.stage));
  response.set_reason(outcome.reason);
  return response;
}

}  // namespace kernmesh::server
