// SPDX-License-Identifier: Apache-2.0
#include "controller/server/policy_administration.h"
#include "controller/core/policy/words.h"

#include <chrono>
#include <set>

#include "controller/rpc/convert.h"
#include "controller/rpc/field_violation.h"
#include "controller/rpc/paging.h"
#include "controller/server/audit.h"
#include "controller/server/stored_policy.h"

namespace kernmesh::server {
namespace {

namespace v1 = mesh::v1;

// Of a comment: a sentence, as in a commit's subject.
constexpr std::size_t kMaxComment = 500;
// Of all findings in a status, whose place in HTTP/2 is small. CheckPolicy tells them all.
constexpr std::size_t kMaxFindings = 3000;

v1::Policy describe(const store::PolicyHead& head) {
  v1::Policy message;
  message.set_revision(head.revision.value());
  message.set_created_at(rpc::to_wire(head.created_at));
  message.set_author(head.author);
  message.set_comment(head.comment);
  return message;
}

v1::PolicyFinding describe(const policy::Finding& finding) {
  v1::PolicyFinding message;
  if (finding.severity == policy::Severity::kWarning) {
    message.set_kind(v1::PolicyFinding::KIND_WARNING);
  } else if (finding.kind == policy::FindingKind::kTests) {
    message.set_kind(v1::PolicyFinding::KIND_TESTS);
  } else {
    message.set_kind(v1::PolicyFinding::KIND_VALIDATION);
  }
  message.set_line(finding.at.line);
  message.set_column(finding.at.column);
  message.set_message(finding.message);
  return message;
}

Error rejection(const policy::Diagnostics& diagnostics) {
  std::string text;
  std::size_t told = 0;
  for (const auto& finding : diagnostics.findings()) {
    if (finding.severity != policy::Severity::kError) continue;
    const std::string line = std::to_string(finding.at.line) + ":" +
                             std::to_string(finding.at.column) + ": " + finding.message;
    if (told > 0 && text.size() + line.size() > kMaxFindings) break;
    text += (text.empty() ? "" : "\n") + line;
    ++told;
  }
  if (told < diagnostics.error_count()) {
    text += "\nand " + std::to_string(diagnostics.error_count() - told) + " more";
  }
  return rpc::in_field("text", Error(ErrorCode::kInvalid, text));
}

Status check_comment(const std::string& comment) {
  const bool printable = std::all_of(comment.begin(), comment.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (comment.size() <= kMaxComment && printable) return {};
  return rpc::in_field("comment",
                       Error(ErrorCode::kInvalid, "a comment is one line of at most " +
                                                      std::to_string(kMaxComment) + " bytes"));
}

Error not_expected(PolicyRevision expected, PolicyRevision in_force) {
  return {ErrorCode::kConflict, "policy " + to_string(in_force) + " is in force, not " +
                                    to_string(expected) + ": look at it and decide anew"};
}

}  // namespace

policy::Inventory inventory_of(const View& view) {
  policy::Inventory inventory;
  const auto& range = view.network.range();
  inventory.overlay = {range.v4, range.v6};
  std::set<std::string> domains;
  for (const auto& [id, user] : view.network.users()) {
    inventory.users.push_back(to_policy(user));
    const auto at = user.email.rfind('@');
    if (at != std::string::npos) domains.insert(policy::lowered(user.email.substr(at + 1)));
  }
  inventory.domains.assign(domains.begin(), domains.end());
  for (const auto& [id, node] : view.network.nodes()) inventory.nodes.push_back(to_policy(node));
  return inventory;
}

Result<v1::Policy> PolicyAdministration::get_policy(const rpc::Caller&,
                                                    const v1::GetPolicyRequest& request) {
  PolicyRevision revision(request.revision());
  store::PolicyHead head;
  directory_.read([&](const View& view) {
    if (revision == PolicyRevision{}) revision = view.policies.back().revision;
    // Revisions count from 1 without gaps.
    if (revision.value() <= view.policies.size()) head = view.policies[revision.value() - 1];
  });
  MESH_TRY_ASSIGN(auto text, store_.policy_text(revision));
  auto message = describe(head);
  message.set_text(std::move(text));
  return message;
}

std::optional<policy::AcceptedPolicy> PolicyAdministration::read(const std::string& text,
                                                                 policy::Diagnostics& diagnostics) {
  const auto inventory = directory_.read(inventory_of);
  const auto start = std::chrono::steady_clock::now();
  auto accepted = policy::accept(text, inventory, diagnostics);
  counts_.compile_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return accepted;
}

Status PolicyAdministration::put_in_force(const rpc::Caller& caller, store::PolicyRecord record,
                                          PolicyRevision above) {
  record.head.revision = PolicyRevision(above.value() + 1);
  record.accepted = numbered(record.accepted, record.head.revision);
  store::Commit commit;
  commit.audience = store::Audience::kNetwork;
  commit.audit = {
      event_by(caller, record.head.created_at,
               {"policy.set", "policy " + to_string(record.head.revision), record.head.comment})};
  commit.puts.emplace_back(std::move(record));
  return store_.commit(commit);
}

Result<v1::SetPolicyResponse> PolicyAdministration::set_policy(
    const rpc::Caller& caller, const v1::SetPolicyRequest& request) {
  MESH_TRY(check_comment(request.comment()));
  const PolicyRevision expected(request.expected_revision());
  policy::Diagnostics diagnostics;
  auto accepted = read(request.text(), diagnostics);
  if (!accepted) {
    ++counts_.rejected;
    return rejection(diagnostics);
  }
  v1::SetPolicyResponse response;
  for (const auto& finding : diagnostics.findings()) *response.add_warnings() = describe(finding);
  {
    const std::lock_guard lock(setting_);
    const auto in_force =
        directory_.read([](const View& view) { return view.policies.back().revision; });
    if (expected != PolicyRevision{} && expected != in_force) {
      return not_expected(expected, in_force);
    }
    MESH_TRY_ASSIGN(const auto text, store_.policy_text(in_force));
    if (text != request.text()) {
      MESH_TRY(put_in_force(caller,
                            {{{}, clock_(), caller.person.name, request.comment()},
                             request.text(),
                             std::move(*accepted)},
                            in_force));
    }
  }
  directory_.read([&](const View& view) {
    *response.mutable_policy() = describe(view.policies.back());
    *response.mutable_version() = rpc::to_proto(view.network.version());
  });
  return response;
}

Result<v1::CheckPolicyResponse> PolicyAdministration::check_policy(
    const rpc::Caller&, const v1::CheckPolicyRequest& request) {
  policy::Diagnostics diagnostics;
  const auto accepted = read(request.text(), diagnostics);
  v1::CheckPolicyResponse response;
  response.set_accepted(accepted.has_value());
  for (const auto& finding : diagnostics.findings()) *response.add_findings() = describe(finding);
  if (accepted) {
    std::size_t expectations = 0;
    for (const auto& test : accepted->document->tests) {
      expectations += test.accept.size() + test.deny.size();
    }
    for (const auto& test : accepted->document->ssh_tests) {
      expectations += test.dst.size() * (test.accept.size() + test.deny.size() + test.check.size());
    }
    response.set_expectations(static_cast<std::uint32_t>(expectations));
  }
  return response;
}

// Newest first, so the page's token is the last revision that was told.
Result<v1::ListPoliciesResponse> PolicyAdministration::list_policies(
    const rpc::Caller&, const v1::ListPoliciesRequest& request) {
  MESH_TRY_ASSIGN(const auto page, rpc::page_of(request));
  return directory_.read([&](const View& view) {
    v1::ListPoliciesResponse response;
    for (auto head = view.policies.rbegin(); head != view.policies.rend(); ++head) {
      if (page.after != 0 && head->revision.value() >= page.after) continue;
      if (static_cast<std::size_t>(response.policies_size()) == page.most) {
        response.set_next_page_token(rpc::page_token(response.policies().rbegin()->revision()));
        break;
      }
      *response.add_policies() = describe(*head);
    }
    return response;
  });
}

Result<v1::GetRolloutResponse> PolicyAdministration::get_rollout(
    const rpc::Caller&, const v1::GetRolloutRequest& request) {
  const auto version = rpc::from_proto(request.version());
  return directory_.read([&](const View& view) -> Result<v1::GetRolloutResponse> {
    if (version > view.network.version()) {
      return rpc::in_field("version",
                           Error(ErrorCode::kInvalid, "the network has not had this version yet"));
    }
    v1::GetRolloutResponse response;
    for (const auto& [id, record] : view.nodes) {
      const auto& node = record.node;
      if (node.state != topology::NodeState::kApproved) continue;
      const auto applied = presence_.facts_of(id).value_or(record.facts).applied;
      if (!view.network.is_behind(id, applied, version)) {
        response.set_current(response.current() + 1);
        continue;
      }
      auto& laggard = *response.add_laggards();
      laggard.set_node(node.name);
      laggard.set_online(presence_.is_online(id));
      *laggard.mutable_applied() = rpc::to_proto(applied);
    }
    return response;
  });
}

Result<v1::Inventory> PolicyAdministration::get_inventory(const rpc::Caller&,
                                                          const v1::GetInventoryRequest&) {
  const auto inventory = directory_.read(inventory_of);
  v1::Inventory message;
  for (const auto& prefix : inventory.overlay) *message.add_overlay() = rpc::to_proto(prefix);
  for (const auto& domain : inventory.domains) message.add_domains(domain);
  for (const auto& user : inventory.users) {
    auto& entry = *message.add_users();
    entry.set_id(user.id.value());
    entry.set_name(user.name);
    entry.set_email(user.email);
    for (const auto& role : user.roles) entry.add_roles(role);
    for (const auto& group : user.groups) entry.add_groups(group);
  }
  for (const auto& node : inventory.nodes) {
    auto& entry = *message.add_nodes();
    entry.set_id(node.id.value());
    entry.set_name(node.name);
    entry.set_user_id(node.user.value());
    for (const auto& tag : node.tags) entry.add_tags(tag);
    for (const auto& address : node.addresses) entry.add_addresses(rpc::to_wire(address));
  }
  return message;
}

}  // namespace kernmesh::server
