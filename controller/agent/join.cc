// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/join.h"

#include "controller/rpc/pinned_ca.h"

namespace kernmesh::agent {
namespace {

constexpr auto kConnectTimeout = std::chrono::seconds(10);

Result<std::string> authority_of(const std::string& server, const mesh::v1::UpRequest& request) {
  topology::CaFingerprint ca{};
  if (!request.join_key().empty()) {
    MESH_TRY_ASSIGN(const auto ticket, topology::parse_ticket(request.join_key()));
    if (ticket.kind != topology::TicketKind::kJoinKey) {
      return Error(ErrorCode::kInvalid,
                   "this is an administrator token (ma-…); joining takes a join key (mk-…), made "
                   "with `meshadm key create`");
    }
    ca = ticket.ca;
  } else if (!request.ca_fingerprint().empty()) {
    MESH_TRY_ASSIGN(ca, topology::parse_fingerprint(request.ca_fingerprint()));
  } else {
    return rpc::fetch_trusted_ca_pem(server, kConnectTimeout);
  }
  return rpc::fetch_ca_pem(server, ca, kConnectTimeout);
}

}  // namespace

Result<Join> prepare_join(const mesh::v1::UpRequest& request, Settings settings) {
  Join join{std::move(settings), request.join_key(), Proof::kNone};
  if (!join.join_key.empty()) join.proof = Proof::kNew;
  if (!request.hostname().empty()) join.settings.hostname = request.hostname();
  join.settings.wanted = Wanted::kUp;
  const bool known = !join.settings.server.empty();
  if (request.server().empty() && !known) {
    return Error(ErrorCode::kInvalid,
                 "this node belongs to no network yet: `meshadm up --server HOST:PORT`, with --key "
                 "mk-… where nobody signs in");
  }
  if (known && !request.server().empty() && request.server() != join.settings.server) {
    return Error(ErrorCode::kConflict, "this node belongs to the network of " +
                                           join.settings.server +
                                           "; run `meshadm logout` before joining another");
  }
  if (known && request.join_key().empty()) return join;
  if (!known) join.settings.server = request.server();
  MESH_TRY_ASSIGN(join.settings.ca_pem, authority_of(join.settings.server, request));
  return join;
}

}  // namespace kernmesh::agent
