// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/role.h"

#include <algorithm>
#include <array>
#include <string>

namespace kernmesh::topology {
namespace {

struct RoleWord {
  std::string_view word;
  Role role;
};
constexpr std::array kRoleWords{RoleWord{"member", Role::kMember},
                                RoleWord{"auditor", Role::kAuditor},
                                RoleWord{"network-admin", Role::kNetworkAdmin},
                                RoleWord{"admin", Role::kAdmin}, RoleWord{"owner", Role::kOwner}};
constexpr std::array<std::string_view, 2> kNamesAlone{"it-admin", "billing-admin"};

struct ScopeWord {
  std::string_view word;
  Scope scope;
};
constexpr std::array kScopeWords{ScopeWord{"all", Scope::kAll}, ScopeWord{"read", Scope::kRead},
                                 ScopeWord{"keys", Scope::kKeys},
                                 ScopeWord{"policy", Scope::kPolicy}};

Error no_such(std::string_view what, std::string_view word, std::string_view known) {
  return {ErrorCode::kInvalid, "there is no " + std::string(what) + " \"" +
                                   std::string(word.substr(0, 80)) + "\": " + std::string(known)};
}

}  // namespace

std::string_view to_string(Role role) {
  return kRoleWords.at(static_cast<std::size_t>(role) - 1).word;
}

Result<Role> parse_role(std::string_view word) {
  for (const auto& known : kRoleWords) {
    if (known.word == word) return known.role;
  }
  return no_such("role", word, "owner, admin, network-admin, auditor, member");
}

bool is_user_role(std::string_view word) {
  const auto role = parse_role(word);
  if (role) return *role != Role::kMember;  // which everybody is
  return std::find(kNamesAlone.begin(), kNamesAlone.end(), word) != kNamesAlone.end();
}

Role highest_role(const std::vector<std::string>& words) {
  Role highest = Role::kMember;
  for (const auto& word : words) {
    if (const auto role = parse_role(word)) highest = std::max(highest, *role);
  }
  return highest;
}

std::string_view to_string(Scope scope) {
  return kScopeWords.at(static_cast<std::size_t>(scope) - 1).word;
}

Result<Scope> parse_scope(std::string_view word) {
  if (word.empty()) return Scope::kAll;
  for (const auto& known : kScopeWords) {
    if (known.word == word) return known.scope;
  }
  return no_such("scope", word, "all, read, keys, policy");
}

}  // namespace kernmesh::topology
