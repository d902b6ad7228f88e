// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/diff_terms.h"

#include <algorithm>

namespace kernmesh::policy {
namespace {

std::string in_order(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string name_of(const SshUserClass& user) {
  switch (user.kind) {
    case SshUserKind::kRoot:
      return "root";
    case SshUserKind::kNonroot:
      return "any user but root";
    case SshUserKind::kLocalpart:
      return "the own name before @" + user.name;
    case SshUserKind::kLiteral:
      break;
  }
  return user.name;
}

// What goes with every login of the rule.
std::string conditions_of(const SshGrant& grant) {
  std::string text;
  if (grant.action == SshAction::kCheck) {
    text = " after a check";
    if (grant.check_period) {
      const auto seconds = grant.check_period->count();
      text += seconds == 0 ? " each time" : " every " + std::to_string(seconds) + " s";
    }
  }
  if (!grant.accept_env.empty()) text += " with " + in_order(grant.accept_env);
  return text;
}

}  // namespace

std::string via_terms(const CompiledRule& rule) {
  return rule.via.empty() ? "" : "via " + in_order(rule.via);
}

std::vector<std::string> grant_terms(const CompiledRule& rule) {
  std::vector<std::string> terms;
  for (const auto& app : rule.app) {
    const bool has_values = app.values_json != "null" && app.values_json != "[]";
    terms.push_back("capability " + app.name + (has_values ? " " + app.values_json : ""));
  }
  if (rule.ssh) {
    const std::string conditions = conditions_of(*rule.ssh);
    for (const auto& user : rule.ssh->users) {
      terms.push_back("SSH as " + name_of(user) + conditions);
    }
  }
  return terms;
}

}  // namespace kernmesh::policy
