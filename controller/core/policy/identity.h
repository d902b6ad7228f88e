// SPDX-License-Identifier: Apache-2.0
// Which nodes a name means by who they are: their user, tags or role (L1, pure). Being at an
// address is another matter: see CompiledPolicy.
#pragma once

#include <string>
#include <unordered_set>

#include "controller/core/policy/document.h"
#include "controller/core/policy/inventory.h"

namespace kernmesh::policy {

enum class IdentityKind { kNone, kUsers, kDomain, kTag, kMember, kTagged, kRole };

struct Identity {
  IdentityKind kind = IdentityKind::kNone;
  std::unordered_set<std::string> handles;  // kUsers, see handles_of()
  std::string name;                         // kDomain: lower-case; kTag: "tag:x"; kRole: "admin"
  std::unordered_set<std::string> provider_groups{};  // kUsers: whoever is in one of them, too
  bool operator==(const Identity&) const = default;
};

// kNone for what names no identity: "*", prefixes, hosts, ipsets, self, internet.
Identity identity_of(const Document& document, const Selector& selector);

// The names by which a policy may mean this user, lower-case: the e-mail address, "NAME@", and the
// name itself where it has the form of an address.
std::vector<std::string> handles_of(const User& user);

// A node as identities see it. Borrows both; made once a node, asked once a set.
struct Subject {
  Subject(const Node& node, const User* user);  // `user` is the node's, or null
  const Node& node;
  const User* user;                  // null for a tagged node: it never counts as its user's
  std::vector<std::string> handles;  // of `user`
};

bool matches(const Identity& identity, const Subject& subject);

}  // namespace kernmesh::policy
