// SPDX-License-Identifier: Apache-2.0
#include "controller/server/user_administration.h"

#include <algorithm>
#include <set>

#include "controller/core/signin/claims.h"
#include "controller/core/signin/web_url.h"
#include "controller/core/topology/name.h"
#include "controller/rpc/convert.h"
#include "controller/rpc/field_violation.h"
#include "controller/rpc/paging.h"
#include "controller/server/audit.h"
#include "controller/server/lookup.h"
#include "controller/server/proof.h"

namespace kernmesh::server {
namespace {

namespace v1 = mesh::v1;

std::uint32_t nodes_of(const View& view, UserId user) {
  return static_cast<std::uint32_t>(
      std::count_if(view.nodes.begin(), view.nodes.end(),
                    [&](const auto& entry) { return entry.second.node.user_id == user; }));
}

v1::User describe_user(const View& view, const topology::User& user) {
  v1::User message;
  message.set_id(user.id.value());
  message.set_name(user.name);
  message.set_created_at(rpc::to_wire(user.created_at));
  message.set_node_count(nodes_of(view, user.id));
  message.set_email(user.email);
  for (const auto& role : user.roles) message.add_roles(role);
  const auto& record = view.users.at(user.id);
  message.set_issuer(record.issuer);
  message.set_subject(record.subject);
  for (const auto& group : user.groups) message.add_groups(group);
  return message;
}

Result<std::vector<std::string>> roles_from(
    const google::protobuf::RepeatedPtrField<std::string>& words) {
  const std::set<std::string> roles(words.begin(), words.end());
  for (const auto& role : roles) {
    if (topology::is_user_role(role)) continue;
    return rpc::in_field(
        "roles", Error(ErrorCode::kInvalid, "there is no role \"" + role.substr(0, 80) +
                                                "\": owner, admin, network-admin, it-admin, "
                                                "billing-admin, auditor"));
  }
  return std::vector<std::string>(roles.begin(), roles.end());
}

Result<topology::User> user_from(const v1::CreateUserRequest& request, WallTime now) {
  MESH_TRY(rpc::in_field("name", topology::check_user_name(request.name())));
  if (!request.email().empty()) {
    MESH_TRY(rpc::in_field("email", topology::check_email(request.email())));
  }
  MESH_TRY_ASSIGN(auto roles, roles_from(request.roles()));
  return topology::User{{}, request.name(), now, request.email(), std::move(roles)};
}

// Nobody gives, takes or removes a role above his own.
Status check_not_above(const rpc::Caller& caller, const std::vector<std::string>& roles) {
  const auto highest = topology::highest_role(roles);
  if (highest <= caller.person.role) return {};
  return Error(ErrorCode::kPermissionDenied, "the role " + std::string(to_string(highest)) +
                                                 " is above yours, " +
                                                 std::string(to_string(caller.person.role)));
}

// Two users by one name of the policy's would have each other's rights.
Status check_is_alone(const View& view, const topology::User& wanted) {
  const auto* other = find_namesake(view, wanted);
  if (other == nullptr) return {};
  return Error(ErrorCode::kAlreadyExists,
               "a policy names user \"" + other->name + "\" by the same name or address already");
}

Status check_account(const std::string& issuer, const std::string& subject) {
  if (issuer.empty()) {
    return rpc::in_field(
        "issuer", Error(ErrorCode::kInvalid,
                        "this server signs nobody in: say whose account it is (--issuer URL)"));
  }
  MESH_TRY(
      rpc::in_field("issuer", signin::parse_web_url(issuer, signin::Transport::kHttpsOrLoopback)));
  if (!subject.empty() && subject.size() <= signin::kMostSubjectBytes) return {};
  return rpc::in_field("subject", Error(ErrorCode::kInvalid,
                                        "a subject has 1 to " +
                                            std::to_string(signin::kMostSubjectBytes) + " bytes"));
}

std::string words_of(const std::vector<std::string>& roles) {
  std::string text;
  for (const auto& role : roles) text += (text.empty() ? "" : ", ") + role;
  return text.empty() ? "no roles" : text;
}

}  // namespace

Result<v1::User> UserAdministration::create_user(const rpc::Caller& caller,
                                                 const v1::CreateUserRequest& request) {
  return requests_.once(
      caller, request,
      [&](const RequestMemory::Record& asked) { return create(caller, request, asked); },
      [&](const store::RequestRecord& done) { return describe(UserId(done.subject)); });
}

Result<v1::User> UserAdministration::create(const rpc::Caller& caller,
                                            const v1::CreateUserRequest& request,
                                            const RequestMemory::Record& asked) {
  MESH_TRY_ASSIGN(const auto wanted, user_from(request, clock_()));
  MESH_TRY(check_not_above(caller, wanted.roles));
  UserId id;
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    if (view.network.find_user_named(request.name()) != nullptr) {
      return Error(ErrorCode::kAlreadyExists, "there is a user \"" + request.name() + "\" already");
    }
    MESH_TRY(check_is_alone(view, wanted));
    store::UserRecord record{wanted, {}};
    record.user.id = id = UserId(view.highest.user.value() + 1);
    store::Commit commit;
    commit.audit = {
        event_by(caller, clock_(), {"user.create", subject_of(wanted), words_of(wanted.roles)})};
    commit.puts.emplace_back(std::move(record));
    if (asked) {
      commit.puts.emplace_back(*asked);
      std::get<store::RequestRecord>(commit.puts.back()).subject = id.value();
    }
    return commit;
  }));
  return describe(id);
}

Result<v1::User> UserAdministration::describe(UserId id) const {
  return directory_.read([&](const View& view) -> Result<v1::User> {
    const auto* user = view.network.find_user(id);
    if (user == nullptr) return not_found("user", to_string(id));
    return describe_user(view, *user);
  });
}

Result<v1::ListUsersResponse> UserAdministration::list_users(const rpc::Caller& caller,
                                                             const v1::ListUsersRequest& request) {
  MESH_TRY_ASSIGN(const auto page, rpc::page_of(request));
  return directory_.read([&](const View& view) {
    v1::ListUsersResponse response;
    const auto take = [&](const topology::User& user) {
      if (!may_see(caller, user.id)) return false;
      *response.add_users() = describe_user(view, user);
      return true;
    };
    response.set_next_page_token(rpc::fill_page(view.network.users(), page, take));
    return response;
  });
}

Result<v1::DeleteUserResponse> UserAdministration::delete_user(
    const rpc::Caller& caller, const v1::DeleteUserRequest& request) {
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    const auto* user = view.network.find_user_named(request.name());
    if (user == nullptr) return not_found("user", request.name());
    MESH_TRY(check_not_above(caller, user->roles));
    if (const auto count = nodes_of(view, user->id); count > 0) {
      return Error(ErrorCode::kConflict, "user " + user->name + " still owns " +
                                             std::to_string(count) + " node(s): remove them first");
    }
    store::Commit commit;
    for (const auto& [id, key] : view.join_keys) {
      if (key.user_id != user->id) continue;
      commit.removals.emplace_back(store::Removal<JoinKeyId>{id, key.written});
    }
    for (const auto& [id, token] : view.tokens) {
      if (token.user_id != user->id) continue;
      commit.removals.emplace_back(store::Removal<TokenId>{id, token.written});
    }
    commit.removals.emplace_back(store::Removal<UserId>{user->id, view.users.at(user->id).written});
    commit.audit = {event_by(caller, clock_(), {"user.delete", subject_of(*user), ""})};
    return commit;
  }));
  return v1::DeleteUserResponse{};
}

Result<v1::User> UserAdministration::set_user_roles(const rpc::Caller& caller,
                                                    const v1::SetUserRolesRequest& request) {
  MESH_TRY_ASSIGN(const auto roles, roles_from(request.roles()));
  MESH_TRY(check_not_above(caller, roles));
  UserId id;
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    const auto* user = view.network.find_user_named(request.name());
    if (user == nullptr) return not_found("user", request.name());
    MESH_TRY(check_not_above(caller, user->roles));
    id = user->id;
    store::Commit commit;
    if (user->roles == roles) return commit;
    auto record = view.users.at(id);
    record.user.roles = roles;
    commit.audience = store::Audience::kNetwork;  // roles are autogroups of the policy
    commit.audit = {event_by(
        caller, clock_(),
        {"user.roles", subject_of(*user), words_of(user->roles) + " -> " + words_of(roles)})};
    commit.puts.emplace_back(std::move(record));
    return commit;
  }));
  return describe(id);
}

Result<v1::User> UserAdministration::link_user(const rpc::Caller& caller,
                                               const v1::LinkUserRequest& request) {
  const std::string& issuer = request.issuer().empty() ? issuer_ : request.issuer();
  MESH_TRY(check_account(issuer, request.subject()));
  UserId id;
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    const auto* user = view.network.find_user_named(request.name());
    if (user == nullptr) return not_found("user", request.name());
    MESH_TRY(check_not_above(caller, user->roles));
    id = user->id;
    auto record = view.users.at(id);
    store::Commit commit;
    if (record.issuer == issuer && record.subject == request.subject()) return commit;
    if (const auto* owner = find_user_of(view, issuer, request.subject())) {
      return Error(ErrorCode::kAlreadyExists,
                   "that account is user " + owner->user.name +
                       "'s: remove his nodes and delete him, and it is free");
    }
    record.issuer = issuer;
    record.subject = request.subject();
    record.user.groups.clear();  // those of the account that it was before
    commit.audience = store::Audience::kNetwork;
    commit.audit = {
        event_by(caller, clock_(),
                 {"user.link", subject_of(*user),
                  printable(record.subject, signin::kMostSubjectBytes) + " of " + record.issuer})};
    commit.puts.emplace_back(std::move(record));
    return commit;
  }));
  return describe(id);
}

}  // namespace kernmesh::server
