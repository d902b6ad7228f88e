// SPDX-License-Identifier: Apache-2.0
#include "controller/server/key_administration.h"

#include <map>
#include <set>

#include "controller/rpc/convert.h"
#include "controller/rpc/field_violation.h"
#include "controller/rpc/paging.h"
#include "controller/server/audit.h"
#include "controller/server/lookup.h"
#include "controller/server/ticket_hint.h"

namespace kernmesh::server {
namespace {

namespace v1 = mesh::v1;

// Names of the nodes that are in the network by each key.
using NodesByKey = std::map<JoinKeyId, std::vector<std::string>>;

NodesByKey nodes_by_key(const View& view) {
  NodesByKey nodes;
  for (const auto& [id, record] : view.nodes) nodes[record.join_key].push_back(record.node.name);
  nodes.erase(JoinKeyId());  // of before this was kept
  return nodes;
}

v1::JoinKey describe_key(const View& view, const store::JoinKeyRecord& key,
                         const NodesByKey& nodes) {
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
  message.set_pre_approved(key.pre_approved);
  for (const auto& tag : key.tags) message.add_tags(tag);
  const auto found = nodes.find(key.id);
  if (found == nodes.end()) return message;
  for (const auto& name : found->second) message.add_nodes(name);
  return message;
}

// What does not depend on the network's state.
Result<store::JoinKeyRecord> key_from(const v1::CreateJoinKeyRequest& request, WallTime now) {
  const std::chrono::seconds lifetime = request.lifetime_seconds() == 0
                                            ? std::chrono::seconds(kDefaultKeyLifetime)
                                            : std::chrono::seconds(request.lifetime_seconds());
  if (lifetime.count() < 1 || lifetime > kMaxKeyLifetime) {
    return rpc::in_field("lifetime_seconds", Error(ErrorCode::kInvalid,
                                                   "a join key lives from one second to 365 days"));
  }
  store::JoinKeyRecord record;
  if (request.relay()) {
    if (!request.user_name().empty() || request.ephemeral() || request.tags_size() > 0 ||
        request.pre_approved()) {
      return rpc::in_field(
          "relay",
          Error(ErrorCode::kInvalid,
                "a relay is nobody's and stays: no user, not ephemeral, no tags, no approval"));
    }
    record.admits = store::Admits::kRelay;
  }
  const std::set<std::string> tags(request.tags().begin(), request.tags().end());
  record.tags.assign(tags.begin(), tags.end());
  record.reusable = request.reusable();
  record.ephemeral = request.ephemeral();
  record.pre_approved = request.pre_approved();
  record.created_at = now;
  record.expires_at = now + lifetime;
  return record;
}

}  // namespace

Result<v1::CreateJoinKeyResponse> KeyAdministration::create_join_key(
    const rpc::Caller& caller, const v1::CreateJoinKeyRequest& request) {
  return requests_.once(
      caller, request,
      [&](const RequestMemory::Record& asked) { return create(caller, request, asked); },
      [&](const store::RequestRecord& done) { return recall(request, done); });
}

Result<v1::CreateJoinKeyResponse> KeyAdministration::create(const rpc::Caller& caller,
                                                            const v1::CreateJoinKeyRequest& request,
                                                            const RequestMemory::Record& asked) {
  MESH_TRY_ASSIGN(auto record, key_from(request, clock_()));
  topology::Ticket ticket{topology::TicketKind::kJoinKey, ca_, {}};
  requests_.fill_secret(ticket, request.request_id(), asked);
  record.hash = topology::ticket_hash(ticket);
  record.hint = hint_of(ticket);
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    record.id = JoinKeyId(view.highest.join_key.value() + 1);
    for (const auto& tag : record.tags) MESH_TRY(rpc::in_field("tags", check_tag(view, tag)));
    std::string whom = "for a relay";
    if (record.admits == store::Admits::kNode) {
      const auto* user = view.network.find_user_named(request.user_name());
      if (user == nullptr) return not_found("user", request.user_name());
      record.user_id = user->id;
      whom = "for user " + user->name;
    }
    for (const auto& tag : record.tags) whom += " " + tag;
    store::Commit commit;
    commit.audit = {event_by(caller, record.created_at,
                             {"key.create", "join key " + to_string(record.id), std::move(whom)})};
    commit.puts.emplace_back(record);
    if (asked) {
      commit.puts.emplace_back(*asked);
      std::get<store::RequestRecord>(commit.puts.back()).subject = record.id.value();
    }
    return commit;
  }));
  v1::CreateJoinKeyResponse response;
  *response.mutable_key() =
      directory_.read([&](const View& view) { return describe_key(view, record, {}); });
  response.set_secret(to_string(ticket));
  return response;
}

Result<v1::CreateJoinKeyResponse> KeyAdministration::recall(
    const v1::CreateJoinKeyRequest& request, const store::RequestRecord& done) const {
  topology::Ticket ticket{topology::TicketKind::kJoinKey, ca_, {}};
  requests_.fill_secret(ticket, request.request_id(), done);
  v1::CreateJoinKeyResponse response;
  MESH_TRY_ASSIGN(*response.mutable_key(), describe(JoinKeyId(done.subject)));
  response.set_secret(to_string(ticket));
  return response;
}

Result<v1::JoinKey> KeyAdministration::describe(JoinKeyId id) const {
  return directory_.read([&](const View& view) -> Result<v1::JoinKey> {
    const auto found = view.join_keys.find(id);
    if (found == view.join_keys.end()) return not_found("join key", to_string(id));
    return describe_key(view, found->second, nodes_by_key(view));
  });
}

Result<v1::ListJoinKeysResponse> KeyAdministration::list_join_keys(
    const rpc::Caller&, const v1::ListJoinKeysRequest& request) {
  MESH_TRY_ASSIGN(const auto page, rpc::page_of(request));
  return directory_.read([&](const View& view) {
    v1::ListJoinKeysResponse response;
    const auto nodes = nodes_by_key(view);
    const auto take = [&](const store::JoinKeyRecord& key) {
      *response.add_keys() = describe_key(view, key, nodes);
      return true;
    };
    response.set_next_page_token(rpc::fill_page(view.join_keys, page, take));
    return response;
  });
}

Result<v1::JoinKey> KeyAdministration::revoke_join_key(const rpc::Caller& caller,
                                                       const v1::RevokeJoinKeyRequest& request) {
  const JoinKeyId id(request.id());
  std::vector<std::string> removed;
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    const auto found = view.join_keys.find(id);
    if (found == view.join_keys.end()) return not_found("join key", to_string(id));
    const std::string key = "join key " + to_string(id);
    store::Commit commit;
    if (found->second.revoked_at == WallTime{}) {
      auto record = found->second;
      record.revoked_at = clock_();
      commit.puts.emplace_back(record);
      commit.audit = {event_by(caller, clock_(), {"key.revoke", key, ""})};
    }
    removed.clear();
    if (!request.remove_nodes()) return commit;
    for (const auto& [node_id, node] : view.nodes) {
      if (node.join_key != id) continue;
      commit.audience = store::Audience::kNetwork;
      commit.removals.emplace_back(store::Removal<NodeId>{node_id, node.written});
      commit.audit.push_back(
          event_by(caller, clock_(), {"node.remove", subject_of(node), "with its " + key}));
      removed.push_back(node.node.name);
    }
    return commit;
  }));
  MESH_TRY_ASSIGN(auto key, describe(id));
  for (const auto& name : removed) key.add_nodes(name);
  return key;
}

}  // namespace kernmesh::server
