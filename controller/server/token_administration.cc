// SPDX-License-Identifier: Apache-2.0
#include "controller/server/token_administration.h"

#include <algorithm>

#include "controller/core/topology/role.h"
#include "controller/rpc/convert.h"
#include "controller/rpc/field_violation.h"
#include "controller/rpc/paging.h"
#include "controller/server/audit.h"
#include "controller/server/lookup.h"
#include "controller/server/ticket_hint.h"

namespace kernmesh::server {
namespace {

namespace v1 = mesh::v1;
using topology::Role;

constexpr std::size_t kMaxTokenComment = 200;

Error above(Role wanted, Role own) {
  return {ErrorCode::kPermissionDenied, "the role " + std::string(to_string(wanted)) +
                                            " is above yours, " + std::string(to_string(own))};
}

v1::Token describe_token(const View& view, const store::TokenRecord& record) {
  v1::Token message;
  message.set_id(record.id.value());
  const auto* user = view.network.find_user(record.user_id);
  if (user != nullptr) message.set_user_name(user->name);
  message.set_role(std::string(to_string(record.role)));
  message.set_scope(std::string(to_string(record.scope)));
  message.set_created_at(rpc::to_wire(record.created_at));
  message.set_expires_at(rpc::to_wire(record.expires_at));
  message.set_last_used_at(rpc::to_wire(record.last_used_at));
  message.set_hint(record.hint);
  message.set_comment(record.comment);
  return message;
}

// What is not given is as much as there can be; what is given is granted or refused.
Result<WallTime> expiry_of(const v1::CreateTokenRequest& request, const rpc::Caller& caller,
                           WallTime now) {
  const bool is_default = request.lifetime_seconds() == 0;
  const std::chrono::seconds lifetime = is_default
                                            ? std::chrono::seconds(kDefaultTokenLifetime)
                                            : std::chrono::seconds(request.lifetime_seconds());
  if (lifetime.count() < 1 || lifetime > kMaxTokenLifetime) {
    return rpc::in_field("lifetime_seconds",
                         Error(ErrorCode::kInvalid, "a token lives from one second to 365 days"));
  }
  const WallTime end = now + lifetime;
  const WallTime own = caller.person.expires_at;
  if (own == WallTime{} || end <= own) return end;
  if (is_default) return own;
  return Error(ErrorCode::kPermissionDenied,
               "a token lives no longer than the one that it is made with");
}

Result<Role> role_for(const v1::CreateTokenRequest& request, const rpc::Caller& caller,
                      const topology::User& user) {
  const Role of_user = topology::highest_role(user.roles);
  const Role own = caller.person.role;
  if (request.role().empty()) return std::min(of_user, own);
  MESH_TRY_ASSIGN(const Role wanted, rpc::in_field("role", topology::parse_role(request.role())));
  if (wanted > own) return above(wanted, own);
  if (wanted <= of_user) return wanted;
  return rpc::in_field("role",
                       Error(ErrorCode::kInvalid, "user " + user.name + " has the role " +
                                                      std::string(to_string(of_user)) + ", not " +
                                                      std::string(to_string(wanted))));
}

Result<topology::User> user_for(const View& view, const rpc::Caller& caller,
                                const std::string& name) {
  const auto* user = name.empty() ? view.network.find_user(caller.person.user)
                                  : view.network.find_user_named(name);
  if (user == nullptr && name.empty()) {
    return rpc::in_field("user_name", Error(ErrorCode::kInvalid,
                                            "the administrator token is nobody's: name a user"));
  }
  const bool is_own = user != nullptr && user->id == caller.person.user;
  if (!is_own && caller.person.role < Role::kAdmin) {
    return Error(ErrorCode::kPermissionDenied, "a token for somebody else takes the role admin");
  }
  if (user == nullptr) return not_found("user", name);
  return *user;
}

}  // namespace

Result<store::Commit> TokenAdministration::plan(const View& view, const rpc::Caller& caller,
                                                const v1::CreateTokenRequest& request,
                                                store::TokenRecord& record) const {
  MESH_TRY_ASSIGN(const auto user, user_for(view, caller, request.user_name()));
  MESH_TRY_ASSIGN(record.role, role_for(request, caller, user));
  record.id = TokenId(view.highest.token.value() + 1);
  record.user_id = user.id;
  store::Commit commit;
  std::size_t live = 0;
  for (const auto& [id, token] : view.tokens) {
    if (token.user_id != user.id) continue;
    if (token.expires_at > record.created_at) {
      ++live;
    } else {
      commit.removals.emplace_back(store::Removal<TokenId>{id, token.written});
    }
  }
  if (live >= kMaxTokensOfUser) {
    return Error(ErrorCode::kExhausted,
                 "user " + user.name + " has " + std::to_string(live) + " tokens: revoke some");
  }
  commit.audit = {
      event_by(caller, record.created_at,
               {"token.create", "token " + to_string(record.id),
                "for user " + user.name + ", role " + std::string(to_string(record.role)) +
                    ", scope " + std::string(to_string(record.scope))})};
  commit.puts.emplace_back(record);
  return commit;
}

Result<v1::CreateTokenResponse> TokenAdministration::create_token(
    const rpc::Caller& caller, const v1::CreateTokenRequest& request) {
  return requests_.once(
      caller, request,
      [&](const RequestMemory::Record& asked) { return create(caller, request, asked); },
      [&](const store::RequestRecord& done) { return recall(request, done); });
}

Result<v1::CreateTokenResponse> TokenAdministration::create(const rpc::Caller& caller,
                                                            const v1::CreateTokenRequest& request,
                                                            const RequestMemory::Record& asked) {
  topology::Ticket ticket{topology::TicketKind::kAdminToken, ca_, {}};
  requests_.fill_secret(ticket, request.request_id(), asked);
  store::TokenRecord record;
  record.hash = topology::ticket_hash(ticket);
  record.hint = hint_of(ticket);
  MESH_TRY_ASSIGN(record.scope, rpc::in_field("scope", topology::parse_scope(request.scope())));
  record.created_at = clock_();
  MESH_TRY_ASSIGN(record.expires_at, expiry_of(request, caller, record.created_at));
  record.comment = request.comment();
  const bool printable = std::all_of(record.comment.begin(), record.comment.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (record.comment.size() > kMaxTokenComment || !printable) {
    return rpc::in_field("comment", Error(ErrorCode::kInvalid,
                                          "a token's comment is one line of at most 200 bytes"));
  }
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY_ASSIGN(auto commit, plan(view, caller, request, record));
    if (asked) {
      commit.puts.emplace_back(*asked);
      std::get<store::RequestRecord>(commit.puts.back()).subject = record.id.value();
    }
    return commit;
  }));
  v1::CreateTokenResponse response;
  *response.mutable_token() =
      directory_.read([&](const View& view) { return describe_token(view, record); });
  response.set_secret(to_string(ticket));
  return response;
}

Result<v1::CreateTokenResponse> TokenAdministration::recall(
    const v1::CreateTokenRequest& request, const store::RequestRecord& done) const {
  topology::Ticket ticket{topology::TicketKind::kAdminToken, ca_, {}};
  requests_.fill_secret(ticket, request.request_id(), done);
  const TokenId id(done.subject);
  return directory_.read([&](const View& view) -> Result<v1::CreateTokenResponse> {
    const auto found = view.tokens.find(id);
    if (found == view.tokens.end()) return not_found("token", to_string(id));
    v1::CreateTokenResponse response;
    *response.mutable_token() = describe_token(view, found->second);
    response.set_secret(to_string(ticket));
    return response;
  });
}

Result<v1::ListTokensResponse> TokenAdministration::list_tokens(
    const rpc::Caller& caller, const v1::ListTokensRequest& request) {
  MESH_TRY_ASSIGN(const auto page, rpc::page_of(request));
  return directory_.read([&](const View& view) {
    v1::ListTokensResponse response;
    const auto take = [&](const store::TokenRecord& record) {
      if (!may_see(caller, record.user_id)) return false;
      *response.add_tokens() = describe_token(view, record);
      return true;
    };
    response.set_next_page_token(rpc::fill_page(view.tokens, page, take));
    return response;
  });
}

Result<v1::RevokeTokenResponse> TokenAdministration::revoke_token(
    const rpc::Caller& caller, const v1::RevokeTokenRequest& request) {
  const TokenId id(request.id());
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    const auto found = view.tokens.find(id);
    if (found == view.tokens.end() || !may_see(caller, found->second.user_id)) {
      return not_found("token", to_string(id));
    }
    const auto& record = found->second;
    if (record.user_id != caller.person.user) {
      const Role wanted = std::max(Role::kAdmin, record.role);
      if (caller.person.role < wanted) return above(wanted, caller.person.role);
    }
    store::Commit commit;
    commit.removals.emplace_back(store::Removal<TokenId>{id, record.written});
    commit.audit = {event_by(caller, clock_(), {"token.revoke", "token " + to_string(id), ""})};
    return commit;
  }));
  return v1::RevokeTokenResponse{};
}

Result<v1::Caller> TokenAdministration::get_caller(const rpc::Caller& caller,
                                                   const v1::GetCallerRequest&) {
  const auto& person = caller.person;
  return directory_.read([&](const View& view) {
    v1::Caller message;
    message.set_name(person.name);
    const auto* user = view.network.find_user(person.user);
    if (user != nullptr) message.set_user_name(user->name);
    message.set_role(std::string(to_string(person.role)));
    message.set_scope(std::string(to_string(person.scope)));
    message.set_token_id(person.token.value());
    message.set_expires_at(rpc::to_wire(person.expires_at));
    return message;
  });
}

}  // namespace kernmesh::server
