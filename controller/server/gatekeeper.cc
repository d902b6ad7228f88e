// SPDX-License-Identifier: Apache-2.0
#include "controller/server/gatekeeper.h"

#include <sodium.h>

#include "controller/core/topology/registration.h"
#include "controller/server/token.h"

namespace kernmesh::server {

Status check_standing(const View& view, NodeId id, const MachinePublicKey& key) {
  const topology::Node* node = view.network.find(id);
  if (node == nullptr || node->machine_key != key) {
    return Error(ErrorCode::kNotFound,
                 "this node was removed from the network: join again with a join key");
  }
  if (node->state == topology::NodeState::kExpired) {
    return Error(ErrorCode::kExpired, "the key of node " + node->name +
                                          " has expired: join again with a join key of its user");
  }
  return {};
}

Status check_standing(const View& view, relay::RelayId id, const MachinePublicKey& key) {
  const auto found = view.relays.find(id);
  if (found != view.relays.end() && found->second.machine_key == key) return {};
  return Error(ErrorCode::kNotFound,
               "this relay was removed from the network: join again with a join key for relays");
}

Result<rpc::Caller> Gatekeeper::admit(rpc::Role required, std::string_view bearer) {
  switch (required) {
    case rpc::Role::kAnyone:
      return rpc::Caller{};
    case rpc::Role::kNode:
      return admit_node(bearer);
    case rpc::Role::kRelay:
      return admit_relay(bearer);
    case rpc::Role::kAdministrator:
      return admit_administrator(bearer);
  }
  return Error(ErrorCode::kPermissionDenied, "unknown role");
}

Result<rpc::Caller> Gatekeeper::admit_node(std::string_view bearer) const {
  return directory_.read([&](const View& view) -> Result<rpc::Caller> {
    MESH_TRY_ASSIGN(const auto session,
                    check_session_token(view.meta.token_secret, bearer, clock_()));
    MESH_TRY(check_standing(view, session.node, session.machine_key));
    return rpc::Caller{rpc::Role::kNode, session.node, {}, session.machine_key, session.expires_at};
  });
}

Result<rpc::Caller> Gatekeeper::admit_relay(std::string_view bearer) const {
  return directory_.read([&](const View& view) -> Result<rpc::Caller> {
    MESH_TRY_ASSIGN(const auto session,
                    check_relay_token(view.meta.token_secret, bearer, clock_()));
    MESH_TRY(check_standing(view, session.relay, session.machine_key));
    return rpc::Caller{
        rpc::Role::kRelay, {}, session.relay, session.machine_key, session.expires_at};
  });
}

Result<rpc::Caller> Gatekeeper::admit_administrator(std::string_view bearer) const {
  return directory_.read([&](const View& view) -> Result<rpc::Caller> {
    const auto ticket = topology::parse_ticket(bearer);
    if (ticket && ticket->kind == topology::TicketKind::kAdminToken) {
      const auto hash = topology::ticket_hash(*ticket);
      if (sodium_memcmp(hash.data(), view.meta.admin_token_hash.data(), hash.size()) == 0) {
        return rpc::Caller{rpc::Role::kAdministrator, {}, {}, {}, {}};
      }
    }
    if (check_session_token(view.meta.token_secret, bearer, clock_()) ||
        check_relay_token(view.meta.token_secret, bearer, clock_())) {
      return Error(ErrorCode::kPermissionDenied,
                   "nodes and relays may not do this: administrators only");
    }
    return Error(ErrorCode::kUnauthenticated,
                 bearer.empty() ? "an administrator token is needed (\"ma-...\", on the server in "
                                  "admin.token of its state directory)"
                                : "the administrator token is not of this server");
  });
}

}  // namespace kernmesh::server
