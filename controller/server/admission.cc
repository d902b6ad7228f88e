// SPDX-License-Identifier: Apache-2.0
// plan_admission(): who may join and what is written for him (L3, pure).
#include "controller/core/topology/name.h"
#include "controller/core/topology/node_life.h"
#include "controller/server/audit.h"
#include "controller/server/enrollment.h"
#include "controller/server/join_keys.h"
#include "controller/server/lock_plan.h"
#include "controller/server/lookup.h"

namespace kernmesh::server {
namespace {

constexpr const char* kHowToRenew =
    "run `meshadm up` on it, to sign in or with a join key of its user (--key mk-...), or let an "
    "administrator renew it (meshadm node renew)";

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

std::string account_of(const signin::Identity& person) {
  return printable(person.subject, signin::kMostSubjectBytes);
}

// Who came, where, and when.
struct Arrival {
  const View& view;
  const Applicant& applicant;
  const topology::CaFingerprint& ca;
  WallTime now;
};

// `record` says whose it is, and by what.
Result<Admission> plan_new(const Arrival& arrival, store::NodeRecord record,
                           topology::Approval approval) {
  const View& view = arrival.view;
  const Applicant& applicant = arrival.applicant;
  const auto slot = topology::next_slot(view.meta.overlay, view.highest.slot);
  if (!slot) {
    return Error(ErrorCode::kExhausted, "no address is left in " + to_string(view.meta.overlay.v4));
  }
  record.node.id = NodeId(view.highest.node.value() + 1);
  record.node.name = topology::unique_name(
      topology::to_dns_label(applicant.hostname),
      [&](const std::string& name) { return view.network.find_node_named(name) != nullptr; });
  record.node.machine_key = applicant.machine_key;
  record.node.node_key = applicant.node_key;
  record.node.disco_key = applicant.disco_key;
  record.node.addresses = topology::addresses_of(view.meta.overlay, *slot);
  record.node.created_at = arrival.now;
  admit(record.node, approval, arrival.now);
  record.facts.agent_version = applicant.agent_version;
  const std::string by = applicant.person ? "signed in by " + account_of(*applicant.person)
                                          : "with join key " + to_string(record.join_key);
  Admission admission{record.node.id, {}};
  admission.commit.audience = store::Audience::kNetwork;
  const bool waits = approval == topology::Approval::kNeeded;
  admission.commit.audit = {
      event(arrival.now, record, "node.join", by + (waits ? ", awaits approval" : ""))};
  admission.commit.puts.emplace_back(store::AllocationRecord{*slot, record.node.id});
  admission.commit.puts.emplace_back(std::move(record));
  return admission;
}

topology::Approval usual_approval(const View& view) {
  return view.meta.device_approval ? topology::Approval::kNeeded : topology::Approval::kGiven;
}

Result<Admission> plan_new_by_key(const Arrival& arrival, const store::JoinKeyRecord& key) {
  store::NodeRecord record;
  record.node.user_id = key.user_id;
  record.node.ephemeral = key.ephemeral;
  record.node.tags = key.tags;
  record.join_key = key.id;
  const auto approval =
      key.pre_approved ? topology::Approval::kGiven : usual_approval(arrival.view);
  MESH_TRY_ASSIGN(auto admission, plan_new(arrival, std::move(record), approval));
  count_use(key, admission.commit);
  return admission;
}

Result<Admission> plan_new_by_person(const Arrival& arrival) {
  const auto& person = *arrival.applicant.person;
  const auto* user = find_user_of(arrival.view, person.issuer, person.subject);
  // Somebody has deleted him since he signed in.
  if (user == nullptr) return denied("who signed this machine in is no user any more");
  store::NodeRecord record;
  record.node.user_id = user->user.id;
  MESH_TRY_ASSIGN(auto admission,
                  plan_new(arrival, std::move(record), usual_approval(arrival.view)));
  admission.takes_sign_in = true;
  return admission;
}

bool is_signed_in_by(const Arrival& arrival, UserId owner) {
  const auto& person = arrival.applicant.person;
  if (!person) return false;
  const auto* user = find_user_of(arrival.view, person->issuer, person->subject);
  return user != nullptr && user->user.id == owner;
}

// Also before its time is over: it begins anew. Who awaits approval goes on doing so.
Status take_sign_in(const Arrival& arrival, store::NodeRecord& record, store::Commit& commit) {
  if (record.node.state != topology::NodeState::kPending)
    MESH_TRY(topology::renew(record.node, arrival.now));
  record.join_key = {};
  commit.audit.push_back(event(arrival.now, record, "node.reauthenticate",
                               "signed in by " + account_of(*arrival.applicant.person)));
  return {};
}

// The join key that a known machine brings: one of its own user.
Result<store::JoinKeyRecord> key_of_its_user(const Arrival& arrival, const topology::Node& node) {
  MESH_TRY_ASSIGN(auto key, find_join_key(arrival.view, *arrival.applicant.ticket, arrival.ca,
                                          store::Admits::kNode, arrival.now));
  if (key.user_id == node.user_id) return key;
  return denied("the join key is of another user than node " + node.name);
}

// An expired node comes back with a join key of its user.
Status reauthenticate(const Arrival& arrival, store::NodeRecord& record, store::Commit& commit) {
  auto& node = record.node;
  if (!arrival.applicant.ticket) {
    return Error(ErrorCode::kExpired,
                 "the key of node " + node.name + " has expired: " + kHowToRenew);
  }
  MESH_TRY_ASSIGN(const auto key, key_of_its_user(arrival, node));
  MESH_TRY(topology::renew(node, arrival.now));
  record.join_key = key.id;
  count_use(key, commit);
  commit.audit.push_back(event(arrival.now, record, "node.reauthenticate", ""));
  return {};
}

// Whether it is the join key by which the machine came in. It comes with it again when the answer
// was lost, or somebody says `up` once more; by then the key may be used up.
bool is_own_key(const Arrival& arrival, const store::NodeRecord& record) {
  const auto id = arrival.view.join_key_ids.find(topology::ticket_hash(*arrival.applicant.ticket));
  return id != arrival.view.join_key_ids.end() && id->second == record.join_key;
}

// A node that awaits approval has it when it comes again with a join key that carries it. Any other
// key changes nothing and is not used up.
Status approve_by_key(const Arrival& arrival, store::NodeRecord& record, store::Commit& commit) {
  if (!arrival.applicant.ticket || is_own_key(arrival, record)) return {};
  MESH_TRY_ASSIGN(const auto key, key_of_its_user(arrival, record.node));
  if (!key.pre_approved) return {};
  MESH_TRY(topology::approve(record.node, arrival.now));
  record.join_key = key.id;
  count_use(key, commit);
  commit.audit.push_back(
      event(arrival.now, record, "node.approve", "with join key " + to_string(key.id)));
  return {};
}

// A machine that may go on, as it says that it is now.
void take_keys(const Arrival& arrival, store::NodeRecord& record, store::Commit& commit) {
  auto& node = record.node;
  const auto before = node;
  take_node_key(node, arrival.applicant.node_key, came_by(record), arrival.now);
  node.disco_key = arrival.applicant.disco_key;
  take_own_endorsement(arrival.view, arrival.applicant.endorsement, node);
  if (node.node_key != before.node_key || node.disco_key != before.disco_key) {
    commit.audit.push_back(event(arrival.now, record, "node.rotate", ""));
  }
  if (node.key_expires_at != before.key_expires_at) {
    commit.audit.push_back(event(arrival.now, record, "node.renew", "by itself"));
  }
}

Result<Admission> plan_return(const Arrival& arrival, NodeId id) {
  store::NodeRecord record = arrival.view.nodes.at(id);
  const auto before = record.node;
  Admission admission{id, {}};
  auto& commit = admission.commit;
  const bool has_lapsed =
      before.state == topology::NodeState::kExpired || key_has_lapsed(before, arrival.now);
  if (is_signed_in_by(arrival, before.user_id)) {
    MESH_TRY(take_sign_in(arrival, record, commit));
    admission.takes_sign_in = true;
  } else if (has_lapsed && arrival.applicant.person) {
    return denied("node " + before.name + " is of another user than who has signed in");
  } else if (has_lapsed) {
    MESH_TRY(reauthenticate(arrival, record, commit));
  } else if (before.state == topology::NodeState::kPending) {
    MESH_TRY(approve_by_key(arrival, record, commit));
  }
  take_keys(arrival, record, commit);
  if (record.node == before && !admission.takes_sign_in) return admission;
  commit.audience = store::Audience::kNetwork;
  commit.puts.emplace_back(std::move(record));
  return admission;
}

}  // namespace

Result<Admission> plan_admission(const View& view, const Applicant& applicant,
                                 const topology::CaFingerprint& ca, WallTime now) {
  const Arrival arrival{view, applicant, ca, now};
  if (const auto* known = view.network.find(applicant.machine_key)) {
    MESH_TRY(check_keys_are_free(view, applicant, known->id));
    return plan_return(arrival, known->id);
  }
  if (applicant.person) {
    MESH_TRY(check_keys_are_free(view, applicant, NodeId{}));
    return plan_new_by_person(arrival);
  }
  if (!applicant.ticket) {
    return Error(ErrorCode::kNotFound,
                 "this machine is not known to the server: join with a join key "
                 "(meshadm up --server HOST:PORT --key mk-...), or without one by signing in");
  }
  MESH_TRY_ASSIGN(const auto key,
                  find_join_key(view, *applicant.ticket, ca, store::Admits::kNode, now));
  MESH_TRY(check_keys_are_free(view, applicant, NodeId{}));
  return plan_new_by_key(arrival, key);
}

}  // namespace kernmesh::server
