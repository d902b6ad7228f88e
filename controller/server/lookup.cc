// SPDX-License-Identifier: Apache-2.0
#include "controller/server/lookup.h"

#include <algorithm>
#include <charconv>

#include "controller/core/policy/identity.h"
#include "controller/core/policy/words.h"

namespace kernmesh::server {

Error not_found(const std::string& what, const std::string& name) {
  return {ErrorCode::kNotFound, "there is no " + what + " \"" + name.substr(0, 80) + "\""};
}

bool may_see(const rpc::Caller& caller, UserId owner) {
  return caller.person.role >= topology::Role::kAuditor ||
         (caller.person.user != UserId() && caller.person.user == owner);
}

Result<store::NodeRecord> find_node(const View& view, const rpc::Caller& caller,
                                    const std::string& text) {
  const topology::Node* node = view.network.find_node_named(text);
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  if (node == nullptr && std::from_chars(text.data(), end, number).ptr == end) {
    node = view.network.find(NodeId(number));
  }
  if (const auto address = IpAddress::parse(text); node == nullptr && address) {
    node = view.network.find(*address);
  }
  if (node == nullptr || !may_see(caller, node->user_id)) return not_found("node", text);
  return view.nodes.at(node->id);
}

const topology::User* find_namesake(const View& view, const topology::User& wanted) {
  const auto handles = policy::handles_of(to_policy(wanted));
  for (const auto& [id, user] : view.network.users()) {
    if (id == wanted.id) continue;
    for (const auto& taken : policy::handles_of(to_policy(user))) {
      if (std::find(handles.begin(), handles.end(), taken) != handles.end()) return &user;
    }
  }
  return nullptr;
}

const store::UserRecord* find_user_of(const View& view, const std::string& issuer,
                                      const std::string& subject) {
  if (subject.empty()) return nullptr;
  const auto found = std::find_if(view.users.begin(), view.users.end(), [&](const auto& entry) {
    return entry.second.subject == subject && entry.second.issuer == issuer;
  });
  return found == view.users.end() ? nullptr : &found->second;
}

Status check_tag(const View& view, const std::string& tag) {
  if (!policy::is_tag(tag)) return Error(ErrorCode::kInvalid, policy::bad_tag(tag));
  if (view.policy.document->tag_owners.contains(tag)) return {};
  return Error(ErrorCode::kInvalid, tag + " has no owner: the policy's tagOwners must name it");
}

}  // namespace kernmesh::server
