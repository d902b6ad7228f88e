// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/policy_view.h"

#include <algorithm>
#include <chrono>

#include "tools/meshadm/policy_findings.h"
#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

std::string change_text(const policy::Change& change) {
  if (change.rules_added + change.rules_removed == 0) {
    return change.nodes == 0 ? "no rule changed"
                             : "no rule changed, " + counted(change.nodes, "node") + " concerned";
  }
  std::string text;
  if (change.rules_added > 0) text = counted(change.rules_added, "rule") + " added";
  if (change.rules_removed > 0) {
    text += (text.empty() ? "" : ", ") + counted(change.rules_removed, "rule") + " removed";
  }
  return text + ", " + counted(change.nodes, "node") + " concerned";
}

// Names of the nodes that lag and are (not) online.
std::string laggards(const mesh::v1::GetRolloutResponse& rollout, bool online) {
  constexpr int kMostNames = 10;
  std::string text;
  int count = 0;
  for (const auto& laggard : rollout.laggards()) {
    if (laggard.online() != online || ++count > kMostNames) continue;
    text += (text.empty() ? "" : ", ") + laggard.node();
  }
  if (count > kMostNames) text += " and " + std::to_string(count - kMostNames) + " more";
  return text;
}

}  // namespace

Json policy_json(const mesh::v1::Policy& policy) {
  return {{"revision", policy.revision()},
          {"created_at", time_json(policy.created_at())},
          {"author", text_json(policy.author())},
          {"comment", text_json(policy.comment())}};
}

Document history_document(const mesh::v1::ListPoliciesResponse& response, WallTime now) {
  Document document;
  Json policies = Json::array();
  Table table{{{"REVISION", Align::kRight}, {"SET"}, {"BY"}, {"COMMENT"}}, {}};
  for (const auto& policy : response.policies()) {
    policies.push_back(policy_json(policy));
    const WallTime set{std::chrono::seconds(policy.created_at())};
    table.rows.push_back({{std::to_string(policy.revision()), Tone::kStrong},
                          {policy.created_at() == 0 ? "-" : format_relative(set, now)},
                          {policy.author().empty() ? "-" : policy.author()},
                          {policy.comment()}});
  }
  document.json = {{"policies", std::move(policies)}};
  document.blocks.emplace_back(std::move(table));
  return document;
}

Document set_document(const mesh::v1::SetPolicyResponse& response, const PolicyText& source,
                      const std::optional<policy::Change>& change) {
  Document document;
  std::vector<policy::Finding> warnings;
  for (const auto& warning : response.warnings()) warnings.push_back(finding_from(warning));
  document.json = {{"policy", policy_json(response.policy())},
                   {"version", version_json(response.version())},
                   {"rules_added", change ? Json(change->rules_added) : Json()},
                   {"rules_removed", change ? Json(change->rules_removed) : Json()},
                   {"nodes", change ? Json(change->nodes) : Json()},
                   {"findings", findings_json(warnings)}};
  add_findings(document, warnings, source);
  document.line("Policy revision " + std::to_string(response.policy().revision()) + " is in force" +
                (change ? ": " + change_text(*change) : "") + ".");
  return document;
}

bool is_complete(const mesh::v1::GetRolloutResponse& rollout) {
  return std::none_of(rollout.laggards().begin(), rollout.laggards().end(),
                      [](const auto& laggard) { return laggard.online(); });
}

void add_rollout(Document& document, const mesh::v1::GetRolloutResponse& rollout) {
  Json list = Json::array();
  for (const auto& laggard : rollout.laggards()) {
    list.push_back({{"node", laggard.node()},
                    {"online", laggard.online()},
                    {"applied", version_json(laggard.applied())}});
  }
  document.json["rollout"] = {{"complete", is_complete(rollout)},
                              {"current", rollout.current()},
                              {"laggards", std::move(list)}};
  document.line(
      counted(rollout.current(), "node") + (rollout.current() == 1 ? " has it." : " have it."),
      Tone::kGood);
  const std::string late = laggards(rollout, true), away = laggards(rollout, false);
  if (!late.empty()) document.line("Online, but without it: " + late, Tone::kBad);
  if (!away.empty()) document.line("Offline, given it when they come back: " + away, Tone::kFaint);
}

}  // namespace kernmesh::adm
