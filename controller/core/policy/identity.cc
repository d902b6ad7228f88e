// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/identity.h"
#include "controller/core/policy/words.h"

#include <algorithm>

namespace kernmesh::policy {
namespace {

Identity of_autogroup(Autogroup autogroup) {
  switch (autogroup) {
    case Autogroup::kMember:
      return {IdentityKind::kMember, {}, {}};
    case Autogroup::kTagged:
      return {IdentityKind::kTagged, {}, {}};
    case Autogroup::kSelf:
    case Autogroup::kInternet:
    case Autogroup::kDangerAll:
      return {};
    default: {
      // A role is spelled as its autogroup is.
      const std::string_view spelled = to_string(autogroup);
      return {IdentityKind::kRole, {}, std::string(spelled.substr(spelled.find(':') + 1))};
    }
  }
}

std::string_view domain_of(std::string_view handle) {
  const auto at = handle.rfind('@');
  return at == std::string_view::npos ? std::string_view() : handle.substr(at + 1);
}

bool holds_any(const std::vector<std::string>& names,
               const std::unordered_set<std::string>& wanted) {
  return !wanted.empty() && std::any_of(names.begin(), names.end(),
                                        [&](const auto& name) { return wanted.contains(name); });
}

}  // namespace

Identity identity_of(const Document& document, const Selector& selector) {
  switch (selector.kind) {
    case SelectorKind::kUser:
      return {IdentityKind::kUsers, {lowered(selector.name)}, {}};
    case SelectorKind::kGroup: {
      Identity identity{IdentityKind::kUsers, {}, {}};
      const auto group = document.groups.find(selector.name);
      if (group == document.groups.end()) return identity;
      for (const auto& member : group->second.members) {
        if (member.text.starts_with(kProviderGroupPrefix)) {
          identity.provider_groups.insert(member.text.substr(kProviderGroupPrefix.size()));
        } else {
          identity.handles.insert(lowered(member.text));
        }
      }
      return identity;
    }
    case SelectorKind::kDomainUsers:
      return {IdentityKind::kDomain, {}, lowered(selector.name)};
    case SelectorKind::kTag:
      return {IdentityKind::kTag, {}, selector.name};
    case SelectorKind::kAutogroup:
      return of_autogroup(selector.autogroup);
    default:
      return {};
  }
}

std::vector<std::string> handles_of(const User& user) {
  std::vector<std::string> handles;
  if (!user.email.empty()) handles.push_back(lowered(user.email));
  if (user.name.empty()) return handles;
  handles.push_back(lowered(user.name) + '@');
  if (user.name.find('@') != std::string::npos) handles.push_back(lowered(user.name));
  return handles;
}

Subject::Subject(const Node& node, const User* user)
    : node(node), user(node.tags.empty() ? user : nullptr) {
  if (this->user != nullptr) handles = handles_of(*this->user);
}

bool matches(const Identity& identity, const Subject& subject) {
  const auto& tags = subject.node.tags;
  switch (identity.kind) {
    case IdentityKind::kNone:
      return false;
    case IdentityKind::kTag:
      return std::find(tags.begin(), tags.end(), identity.name) != tags.end();
    case IdentityKind::kTagged:
      return !tags.empty();
    default:
      break;
  }
  if (subject.user == nullptr) return false;
  switch (identity.kind) {
    case IdentityKind::kMember:
      return true;
    case IdentityKind::kRole: {
      const auto& roles = subject.user->roles;
      return std::find(roles.begin(), roles.end(), identity.name) != roles.end();
    }
    case IdentityKind::kDomain:
      return std::any_of(
          subject.handles.begin(), subject.handles.end(),
          [&](const std::string& handle) { return domain_of(handle) == identity.name; });
    default:
      return holds_any(subject.handles, identity.handles) ||
             holds_any(subject.user->groups, identity.provider_groups);
  }
}

}  // namespace kernmesh::policy
