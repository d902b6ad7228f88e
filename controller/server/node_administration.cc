// SPDX-License-Identifier: Apache-2.0
#include "controller/server/node_administration.h"

#include <set>

#include "controller/core/topology/name.h"
#include "controller/core/topology/node_life.h"
#include "controller/rpc/certificate.h"
#include "controller/rpc/convert.h"
#include "controller/rpc/field_violation.h"
#include "controller/rpc/paging.h"
#include "controller/server/audit.h"
#include "controller/server/join_keys.h"
#include "controller/server/lock_plan.h"
#include "controller/server/lookup.h"

namespace kernmesh::server {

namespace v1 = mesh::v1;

namespace {

v1::NodeState wire_state(topology::NodeState state) {
  switch (state) {
    case topology::NodeState::kPending:
      return v1::NODE_STATE_PENDING;
    case topology::NodeState::kApproved:
      return v1::NODE_STATE_APPROVED;
    case topology::NodeState::kExpired:
      return v1::NODE_STATE_EXPIRED;
    case topology::NodeState::kRemoved:
      break;
  }
  return v1::NODE_STATE_UNSPECIFIED;
}

v1::KeyExpiry wire_expiry(const topology::Node& node) {
  if (!node.tags.empty() || node.key_expiry == topology::KeyExpiry::kNever) {
    return v1::KEY_EXPIRY_NEVER;
  }
  return node.key_expiry == topology::KeyExpiry::kPeriod ? v1::KEY_EXPIRY_PERIOD
                                                         : v1::KEY_EXPIRY_DATE;
}

}  // namespace

v1::Node NodeAdministration::describe(const View& view, const store::NodeRecord& record) const {
  const auto& node = record.node;
  const auto facts = presence_.facts_of(node.id).value_or(record.facts);
  const bool online = presence_.is_online(node.id);
  v1::Node message;
  message.set_id(node.id.value());
  message.set_name(node.name);
  const auto* user = view.network.find_user(node.user_id);
  if (user != nullptr) message.set_user_name(user->name);
  message.set_state(wire_state(node.state));
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
  message.set_join_key_id(record.join_key.value());
  message.set_key_expiry(wire_expiry(node));
  message.set_renews_itself(renews_itself(node, came_by(record)));
  message.set_key_rotation_due(node.key_rotation_due);
  message.set_machine_key_shared_at(rpc::to_wire(node.machine_key_shared_at));
  message.set_endorsement(rpc::to_wire(node.endorsement));
  message.set_lock_problem(lock_problem(view, node));
  return message;
}

Result<v1::ListNodesResponse> NodeAdministration::list_nodes(const rpc::Caller& caller,
                                                             const v1::ListNodesRequest& request) {
  MESH_TRY_ASSIGN(const auto page, rpc::page_of(request));
  return directory_.read([&](const View& view) {
    v1::ListNodesResponse response;
    const auto take = [&](const store::NodeRecord& record) {
      if (!may_see(caller, record.node.user_id)) return false;
      *response.add_nodes() = describe(view, record);
      return true;
    };
    response.set_next_page_token(rpc::fill_page(view.nodes, page, take));
    *response.mutable_version() = rpc::to_proto(view.network.version());
    return response;
  });
}

Result<v1::Node> NodeAdministration::get_node(const rpc::Caller& caller,
                                              const v1::GetNodeRequest& request) {
  return directory_.read([&](const View& view) -> Result<v1::Node> {
    MESH_TRY_ASSIGN(const auto record, find_node(view, caller, request.node()));
    return describe(view, record);
  });
}

Result<v1::Node> NodeAdministration::edit_node(const Change& change, const Edit& edit) {
  NodeId id;
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY_ASSIGN(auto record, find_node(view, change.caller, change.node));
    id = record.node.id;
    store::Commit commit;
    const std::string subject = subject_of(record);
    const auto before = record.node;
    MESH_TRY(edit(view, record.node));
    if (record.node == before) return commit;
    commit.audience = store::Audience::kNetwork;
    std::string detail = "now " + record.node.name;
    for (const auto& tag : record.node.tags) detail += " " + tag;
    if (record.node.key_expires_at != before.key_expires_at) {
      detail += record.node.key_expires_at == WallTime{}
                    ? ", its key does not end"
                    : ", its key ends " + rpc::format_time(record.node.key_expires_at);
    }
    commit.audit = {event_by(change.caller, clock_(), {change.action, subject, std::move(detail)})};
    commit.puts.emplace_back(std::move(record));
    return commit;
  }));
  return directory_.read([&](const View& view) -> Result<v1::Node> {
    const auto found = view.nodes.find(id);
    if (found == view.nodes.end()) return not_found("node", change.node);
    return describe(view, found->second);
  });
}

Result<v1::Node> NodeAdministration::rename_node(const rpc::Caller& caller,
                                                 const v1::RenameNodeRequest& request) {
  MESH_TRY(rpc::in_field("new_name", topology::check_dns_label(request.new_name())));
  return edit_node({caller, request.node(), "node.rename"},
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

Result<v1::Node> NodeAdministration::expire_node(const rpc::Caller& caller,
                                                 const v1::ExpireNodeRequest& request) {
  return edit_node({caller, request.node(), "node.expire"},
                   [&](const View&, topology::Node& node) -> Status {
                     const bool ended = node.key_expiry == topology::KeyExpiry::kEnded;
                     if (node.state == topology::NodeState::kExpired && ended) return {};
                     return expire(node, clock_());
                   });
}

Result<v1::Node> NodeAdministration::tag_node(const rpc::Caller& caller,
                                              const v1::TagNodeRequest& request) {
  return edit_node({caller, request.node(), "node.tag"},
                   [&](const View& view, topology::Node& node) -> Status {
                     std::set<std::string> tags;
                     for (const auto& tag : request.tags()) {
                       MESH_TRY(rpc::in_field("tags", check_tag(view, tag)));
                       tags.insert(tag);
                     }
                     retag(node, {tags.begin(), tags.end()}, clock_());
                     return {};
                   });
}

Result<v1::RemoveNodeResponse> NodeAdministration::remove_node(
    const rpc::Caller& caller, const v1::RemoveNodeRequest& request) {
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY_ASSIGN(const auto record, find_node(view, caller, request.node()));
    store::Commit commit;
    commit.audience = store::Audience::kNetwork;
    commit.removals.emplace_back(store::Removal<NodeId>{record.node.id, record.written});
    commit.audit = {event_by(caller, clock_(), {"node.remove", subject_of(record), ""})};
    return commit;
  }));
  return v1::RemoveNodeResponse{};
}

}  // namespace kernmesh::server
