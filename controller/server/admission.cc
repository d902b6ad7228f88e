// SPDX-License-Identifier: Apache-2.0
// plan_admission(): who may join and what is written for him (L3, pure).
#include "controller/core/topology/name.h"
#include "controller/server/audit.h"
#include "controller/server/enrollment.h"
#include "controller/server/join_keys.h"

namespace kernmesh::server {
namespace {

Error denied(const std::string& why) { return {ErrorCode::kPermissionDenied, why}; }

Status check_keys_are_free(const View& view, const Applicant& applicant, NodeId own) {
  const auto node = view.by_node_key.find(applicant.node_key);
  if (node != view.by_node_key.end() && node->second != own) {
    return Error(ErrorCode::kAlreadyExists, "this node key belongs to another node");
  }
  const auto disco = view.by_disco_key.find(applicant.disco_key);
  if (disco != view.by_disco_key.end() && disco->second != own) {
    return Error(ErrorCode::kAlreadyExists, "this disco key belongs to another node");
  }
  return {};
}

store::AuditEvent event(WallTime now, const store::NodeRecord& record, const char* action,
                        std::string detail) {
  return {now, "node " + to_string(record.node.id), action, subject_of(record), std::move(detail),
          ""};
}

Result<Admission> plan_new(const View& view, const Applicant& applicant,
                           const store::JoinKeyRecord& key, WallTime now) {
  const auto slot = topology::next_slot(view.meta.overlay, view.highest.slot);
  if (!slot) {
    return Error(ErrorCode::kExhausted, "no address is left in " + to_string(view.meta.overlay.v4));
  }
  store::NodeRecord record;
  record.node.id = NodeId(view.highest.node.value() + 1);
  record.node.name = topology::unique_name(
      topology::to_dns_label(applicant.hostname),
      [&](const std::string& name) { return view.network.find_node_named(name) != nullptr; });
  record.node.user_id = key.user_id;
  record.node.machine_key = applicant.machine_key;
  record.node.node_key = applicant.node_key;
  record.node.disco_key = applicant.disco_key;
  record.node.addresses = topology::addresses_of(view.meta.overlay, *slot);
  record.node.ephemeral = key.ephemeral;
  record.node.tags = key.tags;
  record.join_key = key.id;
  record.node.created_at = now;
  record.node.key_expires_at = now + kNodeKeyLifetime;
  record.facts.agent_version = applicant.agent_version;
  Admission admission{record.node.id, {}};
  admission.commit.audience = store::Audience::kNetwork;
  admission.commit.audit = {event(now, record, "node.join", "with join key " + to_string(key.id))};
  count_use(key, admission.commit);
  admission.commit.puts.emplace_back(store::AllocationRecord{*slot, record.node.id});
  admission.commit.puts.emplace_back(std::move(record));
  return admission;
}

Result<Admission> plan_return(const View& view, const Applicant& applicant,
                              const topology::CaFingerprint& ca, WallTime now, NodeId id) {
  store::NodeRecord record = view.nodes.at(id);
  auto& node = record.node;
  Admission admission{id, {}};
  const bool lapsed = node.state == topology::NodeState::kExpired || key_has_lapsed(node, now);
  if (lapsed) {
    if (!applicant.ticket) {
      return Error(ErrorCode::kExpired, "the key of node " + node.name +
                                            " has expired: join again with a join key of its user");
    }
    MESH_TRY_ASSIGN(const auto key,
                    find_join_key(view, *applicant.ticket, ca, store::Admits::kNode, now));
    if (key.user_id != node.user_id) {
      return denied("the join key is of another user than node " + node.name);
    }
    MESH_TRY_ASSIGN(node.state, next_state(node.state, topology::NodeEvent::kReauthenticated));
    count_use(key, admission.commit);
    record.join_key = key.id;
  }
  const bool rotated = node.node_key != applicant.node_key || node.disco_key != applicant.disco_key;
  if (!rotated && !lapsed) return admission;
  if (lapsed || node.node_key != applicant.node_key) {
    node.key_expires_at = now + kNodeKeyLifetime;
  }
  node.node_key = applicant.node_key;
  node.disco_key = applicant.disco_key;
  admission.commit.audience = store::Audience::kNetwork;
  admission.commit.audit = {event(now, record, lapsed ? "node.reauthenticate" : "node.rotate", "")};
  admission.commit.puts.emplace_back(std::move(record));
  return admission;
}

}  // namespace

Result<Admission> plan_admission(const View& view, const Applicant& applicant,
                                 const topology::CaFingerprint& ca, WallTime now) {
  if (const auto* known = view.network.find(applicant.machine_key)) {
    MESH_TRY(check_keys_are_free(view, applicant, known->id));
    return plan_return(view, applicant, ca, now, known->id);
  }
  if (!applicant.ticket) {
    return Error(ErrorCode::kNotFound,
                 "this machine is not known to the server: join with a join key "
                 "(meshadm up --server HOST:PORT --key mk-...)");
  }
  MESH_TRY_ASSIGN(const auto key,
                  find_join_key(view, *applicant.ticket, ca, store::Admits::kNode, now));
  MESH_TRY(check_keys_are_free(view, applicant, NodeId{}));
  return plan_new(view, applicant, key, now);
}

}  // namespace kernmesh::server
