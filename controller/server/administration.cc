// SPDX-License-Identifier: Apache-2.0
#include "controller/server/administration.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "controller/core/policy/identity.h"
#include "controller/core/policy/words.h"
#include "controller/core/topology/name.h"
#include "controller/rpc/convert.h"

namespace kernmesh::server {
namespace {

namespace v1 = mesh::v1;

// The end of a join key, for people to match with the key they hold; all keys of a server begin
// with the same fingerprint. These characters carry 32 of the secret's 256 bits.
constexpr std::size_t kHintCharacters = 6;

Error not_found(const std::string& what, const std::string& name) {
  return {ErrorCode::kNotFound, "there is no " + what + " \"" + name.substr(0, 80) + "\""};
}

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
  return message;
}

v1::JoinKey describe_key(const View& view, const store::JoinKeyRecord& key) {
  v1::JoinKey message;
  message.set_id(key.id.value());
  const auto* user = view.network.find_user(key.user_id);
  if (user != nullptr) message.set_user_name(user->name);
  message.set_reusable(key.reusable);
  message.set_ephemeral(key.ephemeral);
  message.set_created_at(rpc::to_wire(key.created_at));
  message.set_expires_at(rpc::to_wire(key.expires_at));
  message.set_revoked_at(rpc::to_wire(key.revoked_at));
  message.set_use_count(key.use_count);
  message.set_hint(key.hint);
  message.set_relay(key.admits == store::Admits::kRelay);
  return message;
}

// By name, by id in decimal, or by overlay address. A name of digits only wins over an id.
Result<store::NodeRecord> find_node(const View& view, const std::string& text) {
  const topology::Node* node = view.network.find_node_named(text);
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  if (node == nullptr && std::from_chars(text.data(), end, number).ptr == end) {
    node = view.network.find(NodeId(number));
  }
  if (const auto address = IpAddress::parse(text); node == nullptr && address) {
    node = view.network.find(*address);
  }
  if (node == nullptr) return not_found("node", text);
  return view.nodes.at(node->id);
}

// Roles that a policy can name as autogroups.
constexpr std::array<std::string_view, 6> kRoles = {"owner",    "admin",         "network-admin",
                                                    "it-admin", "billing-admin", "auditor"};

Status check_email(const std::string& email) {
  const auto at = email.find('@');
  if (topology::check_user_name(email) && at != 0 && at != std::string::npos &&
      at == email.rfind('@') && at + 1 < email.size()) {
    return {};
  }
  return Error(ErrorCode::kInvalid,
               "an e-mail address is NAME@DOMAIN, not \"" + email.substr(0, 80) + "\"");
}

Result<topology::User> user_from(const v1::CreateUserRequest& request, WallTime now) {
  MESH_TRY(topology::check_user_name(request.name()));
  if (!request.email().empty()) MESH_TRY(check_email(request.email()));
  const std::set<std::string> roles(request.roles().begin(), request.roles().end());
  for (const auto& role : roles) {
    if (std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end()) continue;
    return Error(ErrorCode::kInvalid, "there is no role \"" + role.substr(0, 80) +
                                          "\": owner, admin, network-admin, it-admin, "
                                          "billing-admin, auditor");
  }
  return topology::User{{}, request.name(), now, request.email(), {roles.begin(), roles.end()}};
}

// Two users by one name of the policy's would have each other's rights.
Status check_handles_are_free(const View& view, const topology::User& wanted) {
  const auto handles = policy::handles_of(to_policy(wanted));
  for (const auto& [id, user] : view.network.users()) {
    for (const auto& taken : policy::handles_of(to_policy(user))) {
      if (std::find(handles.begin(), handles.end(), taken) == handles.end()) continue;
      return Error(ErrorCode::kAlreadyExists,
                   "a policy names user \"" + user.name + "\" by " + taken + " already");
    }
  }
  return {};
}

Status check_tag(const View& view, const std::string& tag) {
  if (!policy::is_tag(tag)) return Error(ErrorCode::kInvalid, policy::bad_tag(tag));
  if (view.policy.document->tag_owners.contains(tag)) return {};
  return Error(ErrorCode::kInvalid, tag + " has no owner: the policy's tagOwners must name it");
}

std::string subject_of(const store::NodeRecord& record) {
  return "node " + to_string(record.node.id) + " (" + record.node.name + ")";
}

}  // namespace

store::AuditEvent Administration::event(const char* action, std::string subject,
                                        std::string detail) const {
  return {clock_(), "administrator", action, std::move(subject), std::move(detail)};
}

Result<v1::User> Administration::create_user(const v1::CreateUserRequest& request) {
  MESH_TRY_ASSIGN(const auto wanted, user_from(request, clock_()));
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    if (view.network.find_user_named(request.name()) != nullptr) {
      return Error(ErrorCode::kAlreadyExists, "there is a user \"" + request.name() + "\" already");
    }
    MESH_TRY(check_handles_are_free(view, wanted));
    store::UserRecord record{wanted, {}};
    record.user.id = UserId(view.highest.user.value() + 1);
    store::Commit commit;
    commit.audit = {event("user.create", "user " + request.name())};
    commit.puts.emplace_back(std::move(record));
    return commit;
  }));
  return directory_.read([&](const View& view) -> Result<v1::User> {
    const auto* user = view.network.find_user_named(request.name());
    if (user == nullptr) return not_found("user", request.name());
    return describe_user(view, *user);
  });
}

Result<v1::ListUsersResponse> Administration::list_users(const v1::ListUsersRequest&) {
  return directory_.read([](const View& view) {
    v1::ListUsersResponse response;
    for (const auto& [id, user] : view.network.users()) {
      *response.add_users() = describe_user(view, user);
    }
    return response;
  });
}

Result<v1::DeleteUserResponse> Administration::delete_user(const v1::DeleteUserRequest& request) {
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    const auto* user = view.network.find_user_named(request.name());
    if (user == nullptr) return not_found("user", request.name());
    if (const auto count = nodes_of(view, user->id); count > 0) {
      return Error(ErrorCode::kConflict, "user " + user->name + " still owns " +
                                             std::to_string(count) + " node(s): remove them first");
    }
    store::Commit commit;
    for (const auto& [id, key] : view.join_keys) {
      if (key.user_id != user->id) continue;
      commit.removals.emplace_back(store::Removal<JoinKeyId>{id, key.written});
    }
    commit.removals.emplace_back(store::Removal<UserId>{user->id, view.users.at(user->id).written});
    commit.audit = {event("user.delete", "user " + user->name)};
    return commit;
  }));
  return v1::DeleteUserResponse{};
}

Result<v1::CreateJoinKeyResponse> Administration::create_join_key(
    const v1::CreateJoinKeyRequest& request) {
  const std::chrono::seconds lifetime = request.lifetime_seconds() == 0
                                            ? std::chrono::seconds(kDefaultKeyLifetime)
                                            : std::chrono::seconds(request.lifetime_seconds());
  if (lifetime.count() < 1 || lifetime > kMaxKeyLifetime) {
    return Error(ErrorCode::kInvalid, "a join key lives from one second to 365 days");
  }
  topology::Ticket ticket;
  ticket.kind = topology::TicketKind::kJoinKey;
  ticket.ca = ca_;
  const auto secret = ticket.secret.mutable_bytes();
  randombytes_buf(secret.data(), secret.size());
  store::JoinKeyRecord record;
  record.hash = topology::ticket_hash(ticket);
  const std::string text = to_string(ticket);
  record.hint = text.substr(text.size() - kHintCharacters);
  if (request.relay()) {
    if (!request.user_name().empty() || request.ephemeral()) {
      return Error(ErrorCode::kInvalid, "a relay is nobody's and stays: no user, not ephemeral");
    }
    record.admits = store::Admits::kRelay;
  }
  record.reusable = request.reusable();
  record.ephemeral = request.ephemeral();
  record.created_at = clock_();
  record.expires_at = record.created_at + lifetime;
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    record.id = JoinKeyId(view.highest.join_key.value() + 1);
    store::Commit commit;
    std::string whom = "a relay";
    if (record.admits == store::Admits::kNode) {
      const auto* user = view.network.find_user_named(request.user_name());
      if (user == nullptr) return not_found("user", request.user_name());
      record.user_id = user->id;
      whom = user->name;
    }
    commit.audit = {event("key.create", "join key " + to_string(record.id), "for " + whom)};
    commit.puts.emplace_back(record);
    return commit;
  }));
  v1::CreateJoinKeyResponse response;
  *response.mutable_key() =
      directory_.read([&](const View& view) { return describe_key(view, record); });
  response.set_secret(text);
  return response;
}

Result<v1::ListJoinKeysResponse> Administration::list_join_keys(const v1::ListJoinKeysRequest&) {
  return directory_.read([](const View& view) {
    v1::ListJoinKeysResponse response;
    for (const auto& [id, key] : view.join_keys) *response.add_keys() = describe_key(view, key);
    return response;
  });
}

Result<v1::JoinKey> Administration::revoke_join_key(const v1::RevokeJoinKeyRequest& request) {
  const JoinKeyId id(request.id());
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    const auto found = view.join_keys.find(id);
    if (found == view.join_keys.end()) return not_found("join key", to_string(id));
    store::Commit commit;
    if (found->second.revoked_at != WallTime{}) return commit;
    auto record = found->second;
    record.revoked_at = clock_();
    commit.puts.emplace_back(record);
    commit.audit = {event("key.revoke", "join key " + to_string(id))};
    return commit;
  }));
  return directory_.read([&](const View& view) -> Result<v1::JoinKey> {
    const auto found = view.join_keys.find(id);
    if (found == view.join_keys.end()) return not_found("join key", to_string(id));
    return describe_key(view, found->second);
  });
}

v1::Node Administration::describe(const View& view, const store::NodeRecord& record) const {
  const auto& node = record.node;
  const auto facts = presence_.facts_of(node.id).value_or(record.facts);
  const bool online = presence_.is_online(node.id);
  v1::Node message;
  message.set_id(node.id.value());
  message.set_name(node.name);
  const auto* user = view.network.find_user(node.user_id);
  if (user != nullptr) message.set_user_name(user->name);
  message.set_state(node.state == topology::NodeState::kApproved ? v1::NODE_STATE_APPROVED
                                                                 : v1::NODE_STATE_EXPIRED);
  for (const auto& address : node.addresses) message.add_addresses(rpc::to_wire(address));
  for (const auto& endpoint : node.endpoints) *message.add_endpoints() = rpc::to_proto(endpoint);
  message.set_machine_key(rpc::to_wire(node.machine_key));
  message.set_node_key(rpc::to_wire(node.node_key));
  message.set_ephemeral(node.ephemeral);
  message.set_online(online);
  message.set_created_at(rpc::to_wire(node.created_at));
  message.set_last_seen_at(rpc::to_wire(online ? clock_() : node.last_seen_at));
  message.set_key_expires_at(rpc::to_wire(node.key_expires_at));
  *message.mutable_applied() = rpc::to_proto(facts.applied);
  message.set_agent_version(facts.agent_version);
  message.set_kernel_release(facts.kernel_release);
  for (const auto& tag : node.tags) message.add_tags(tag);
  return message;
}

Result<v1::ListNodesResponse> Administration::list_nodes(const v1::ListNodesRequest&) {
  return directory_.read([&](const View& view) {
    v1::ListNodesResponse response;
    for (const auto& [id, record] : view.nodes) *response.add_nodes() = describe(view, record);
    *response.mutable_version() = rpc::to_proto(view.network.version());
    return response;
  });
}

Result<v1::Node> Administration::get_node(const v1::GetNodeRequest& request) {
  return directory_.read([&](const View& view) -> Result<v1::Node> {
    MESH_TRY_ASSIGN(const auto record, find_node(view, request.node()));
    return describe(view, record);
  });
}

template <typename Edit>
Result<v1::Node> Administration::edit_node(const std::string& name, const char* action,
                                           const Edit& edit) {
  NodeId id;
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY_ASSIGN(auto record, find_node(view, name));
    id = record.node.id;
    store::Commit commit;
    const std::string subject = subject_of(record);
    const auto before = record.node;
    MESH_TRY(edit(view, record.node));
    if (record.node == before) return commit;
    commit.audience = store::Audience::kNetwork;
    std::string detail = "now " + record.node.name;
    for (const auto& tag : record.node.tags) detail += " " + tag;
    commit.audit = {event(action, subject, std::move(detail))};
    commit.puts.emplace_back(std::move(record));
    return commit;
  }));
  return directory_.read([&](const View& view) -> Result<v1::Node> {
    const auto found = view.nodes.find(id);
    if (found == view.nodes.end()) return not_found("node", name);
    return describe(view, found->second);
  });
}

Result<v1::Node> Administration::rename_node(const v1::RenameNodeRequest& request) {
  MESH_TRY(topology::check_dns_label(request.new_name()));
  return edit_node(request.node(), "node.rename",
                   [&](const View& view, topology::Node& node) -> Status {
                     const auto* other = view.network.find_node_named(request.new_name());
                     if (other != nullptr && other->id != node.id) {
                       return Error(ErrorCode::kAlreadyExists,
                                    "there is a node \"" + request.new_name() + "\" already");
                     }
                     node.name = request.new_name();
                     return {};
                   });
}

Result<v1::Node> Administration::expire_node(const v1::ExpireNodeRequest& request) {
  return edit_node(request.node(), "node.expire", [&](const View&, topology::Node& node) -> Status {
    if (node.state == topology::NodeState::kExpired) return {};
    MESH_TRY_ASSIGN(node.state, next_state(node.state, topology::NodeEvent::kKeyExpired));
    node.key_expires_at = clock_();
    return {};
  });
}

Result<v1::Node> Administration::tag_node(const v1::TagNodeRequest& request) {
  return edit_node(request.node(), "node.tag",
                   [&](const View& view, topology::Node& node) -> Status {
                     std::set<std::string> tags;
                     for (const auto& tag : request.tags()) {
                       MESH_TRY(check_tag(view, tag));
                       tags.insert(tag);
                     }
                     node.tags.assign(tags.begin(), tags.end());
                     return {};
                   });
}

Result<v1::RemoveNodeResponse> Administration::remove_node(const v1::RemoveNodeRequest& request) {
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY_ASSIGN(const auto record, find_node(view, request.node()));
    store::Commit commit;
    commit.audience = store::Audience::kNetwork;
    commit.removals.emplace_back(store::Removal<NodeId>{record.node.id, record.written});
    commit.audit = {event("node.remove", subject_of(record))};
    return commit;
  }));
  return v1::RemoveNodeResponse{};
}

}  // namespace kernmesh::server
