// SPDX-License-Identifier: Apache-2.0
// What a policy is compiled against: the users and nodes of a network as far as a policy can name
// them (L1, pure values).
#pragma once

#include <string>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/core/policy/posture.h"

namespace kernmesh::policy {

// A policy names a user by e-mail address, or as "NAME@" where there is none.
struct User {
  UserId id;
  std::string name;
  std::string email;                  // may be empty
  std::vector<std::string> roles;     // "owner", "admin", "network-admin", "it-admin", ...
  std::vector<std::string> groups{};  // the identity provider's
  bool operator==(const User&) const = default;
};

struct Node {
  NodeId id;
  std::string name;
  UserId user;                       // 0: none. Counts only while there are no tags
  std::vector<std::string> tags;     // "tag:x"
  std::vector<IpAddress> addresses;  // overlay
  std::vector<Prefix> routes_advertised;
  std::vector<Prefix> routes_approved;  // by an administrator; the policy may approve more
  Attributes attributes;
  bool operator==(const Node&) const = default;
};

struct Inventory {
  std::vector<Prefix> overlay;       // the network's own ranges
  std::vector<std::string> domains;  // its users' domains, for user:*@domain
  std::vector<User> users;
  std::vector<Node> nodes;
};

// 0.0.0.0/0 or ::/0: offered by exit nodes.
inline bool is_exit_route(const Prefix& prefix) { return prefix.length() == 0; }

}  // namespace kernmesh::policy
