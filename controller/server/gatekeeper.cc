// SPDX-License-Identifier: Apache-2.0
#include "controller/server/gatekeeper.h"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "controller/core/topology/registration.h"
#include "controller/server/audit.h"
#include "controller/server/token.h"

namespace kernmesh::server {

Status check_standing(const View& view, NodeId id, const MachinePublicKey& key) {
  const topology::Node* node = view.network.find(id);
  if (node == nullptr || node->machine_key != key) {
    return Error(ErrorCode::kNotFound,
                 "this node was removed from the network: join again (meshadm up)");
  }
  if (node->state == topology::NodeState::kExpired) {
    return Error(ErrorCode::kExpired,
                 "the key of node " + node->name +
                     " has expired: run `meshadm up` on it, to sign in or with a join key of its "
                     "user, or let an administrator renew it (meshadm node renew)");
  }
  return {};
}

Status check_standing(const View& view, relay::RelayId id, const MachinePublicKey& key) {
  const auto found = view.relays.find(id);
  if (found != view.relays.end() && found->second.machine_key == key) return {};
  return Error(ErrorCode::kNotFound,
               "this relay was removed from the network: join again with a join key for relays");
}

namespace {

using rpc::CallerKind;

// The token that these letters are of; nothing when it is none of this server's.
std::optional<rpc::Principal> person_of(const View& view, std::string_view bearer) {
  const auto ticket = topology::parse_ticket(bearer);
  if (!ticket || ticket->kind != topology::TicketKind::kAdminToken) return std::nullopt;
  const auto hash = topology::ticket_hash(*ticket);
  rpc::Principal person;
  if (sodium_memcmp(hash.data(), view.meta.admin_token_hash.data(), hash.size()) == 0) {
    person.proof = rpc::Proof::kAdministratorToken;
    return person;
  }
  // What a look-up by hash tells by its time is about a hash that nobody can choose the secret of.
  const auto found = view.token_ids.find(hash);
  if (found == view.token_ids.end()) return std::nullopt;
  const auto& record = view.tokens.at(found->second);
  if (sodium_memcmp(hash.data(), record.hash.data(), hash.size()) != 0) return std::nullopt;
  person.token = record.id;
  person.proof = rpc::Proof::kApiToken;
  return person;
}

Error no_person(std::string_view bearer) {
  return {ErrorCode::kUnauthenticated,
          bearer.empty() ? "an administrator or API token is needed (\"ma-...\": `meshadm token "
                           "create`, or admin.token in the server's state directory)"
                         : "the administrator token is not of this server, or was revoked"};
}

}  // namespace

Result<rpc::Principal> current(const View& view, const rpc::Principal& person, WallTime now) {
  if (person.proof == rpc::Proof::kAdministratorToken) {
    return rpc::Principal{"administrator token", {}, {},          topology::Role::kOwner,
                          topology::Scope::kAll, {}, person.proof};
  }
  const auto found = view.tokens.find(person.token);
  if (found == view.tokens.end()) {
    return Error(ErrorCode::kUnauthenticated,
                 "API token " + to_string(person.token) + " was revoked");
  }
  const auto& token = found->second;
  const auto user = view.users.find(token.user_id);
  if (user == view.users.end() || now >= token.expires_at) {
    return Error(ErrorCode::kUnauthenticated,
                 "API token " + to_string(token.id) + " has expired: make another one");
  }
  const auto role = std::min(token.role, topology::highest_role(user->second.user.roles));
  return rpc::Principal{"user " + user->second.user.name + ", token " + to_string(token.id),
                        token.user_id,
                        token.id,
                        role,
                        token.scope,
                        token.expires_at,
                        person.proof};
}

Result<rpc::Caller> Gatekeeper::admit(const rpc::MethodAccess& method,
                                      const rpc::Credentials& credentials) {
  Result<rpc::Caller> caller = Error(ErrorCode::kPermissionDenied, "nobody may call this");
  switch (method.caller) {
    case CallerKind::kNobody:
      break;
    case CallerKind::kAnyone:
      caller = rpc::Caller{};
      break;
    case CallerKind::kNode:
      caller = admit_node(credentials.bearer);
      break;
    case CallerKind::kRelay:
      caller = admit_relay(credentials.bearer);
      break;
    case CallerKind::kPerson:
      caller = admit_person(method, credentials);
      break;
  }
  if (caller) caller->from = credentials.from;
  return caller;
}

Status Gatekeeper::know(std::string_view bearer) {
  const bool known = directory_.read([&](const View& view) {
    const auto& secret = view.meta.token_secret;
    return person_of(view, bearer) || check_session_token(secret, bearer, clock_()) ||
           check_relay_token(secret, bearer, clock_());
  });
  if (known) return {};
  const Error error = no_person(bearer);
  if (bearer.starts_with("ma-")) {
    denials_.note(DenialLog::By::kStranger,
                  event_by({}, {}, {"call.denied", "a call with a token", error.message()}));
  }
  return error;
}

void Gatekeeper::refused(const rpc::Caller& caller, const rpc::MethodAccess& method,
                         const Error& error) {
  denials_.note(DenialLog::By::kKnown,
                event_by(caller, {}, {"call.denied", std::string(method.path), error.message()}));
}

Result<rpc::Caller> Gatekeeper::admit_node(std::string_view bearer) const {
  return directory_.read([&](const View& view) -> Result<rpc::Caller> {
    MESH_TRY_ASSIGN(const auto session,
                    check_session_token(view.meta.token_secret, bearer, clock_()));
    MESH_TRY(check_standing(view, session.node, session.machine_key));
    return rpc::Caller{CallerKind::kNode,  session.node,     {}, session.machine_key,
                       session.expires_at, rpc::Principal{}, {}};
  });
}

Result<rpc::Caller> Gatekeeper::admit_relay(std::string_view bearer) const {
  return directory_.read([&](const View& view) -> Result<rpc::Caller> {
    MESH_TRY_ASSIGN(const auto session,
                    check_relay_token(view.meta.token_secret, bearer, clock_()));
    MESH_TRY(check_standing(view, session.relay, session.machine_key));
    return rpc::Caller{
        CallerKind::kRelay, {}, session.relay, session.machine_key, session.expires_at,
        rpc::Principal{},   {}};
  });
}

Result<rpc::Caller> Gatekeeper::admit_person(const rpc::MethodAccess& method,
                                             const rpc::Credentials& credentials) {
  rpc::Caller caller;
  caller.from = credentials.from;
  const auto found = directory_.read([&](const View& view) -> Status {
    const auto& bearer = credentials.bearer;
    if (const auto known = person_of(view, bearer)) {
      caller.kind = CallerKind::kPerson;
      MESH_TRY_ASSIGN(caller.person, current(view, *known, clock_()));
      return {};
    }
    const auto& secret = view.meta.token_secret;
    if (const auto node = check_session_token(secret, bearer, clock_())) {
      caller.kind = CallerKind::kNode;
      caller.node = node->node;
    } else if (const auto relay = check_relay_token(secret, bearer, clock_())) {
      caller.kind = CallerKind::kRelay;
      caller.relay = relay->relay;
    } else {
      return no_person(bearer);
    }
    return Error(ErrorCode::kPermissionDenied,
                 "nodes and relays may not do this: administrators only");
  });
  const Status allowed =
      found ? check_person(method, caller.person.role, caller.person.scope) : found;
  if (allowed) {
    note_use(caller.person);
    return caller;
  }
  if (allowed.error().code() == ErrorCode::kPermissionDenied) {
    refused(caller, method, allowed.error());
  }
  return allowed.error();
}

void Gatekeeper::note_use(const rpc::Principal& person) {
  if (person.token == TokenId()) return;
  const WallTime now = clock_();
  const auto status =
      commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
        store::Commit commit;
        const auto found = view.tokens.find(person.token);
        if (found == view.tokens.end()) return commit;
        if (now < found->second.last_used_at + kTokenUseInterval) return commit;
        auto used = found->second;
        used.last_used_at = now;
        commit.puts.emplace_back(std::move(used));
        return commit;
      });
  if (!status) spdlog::error("write when a token was used: {}", status.error().message());
}

}  // namespace kernmesh::server
