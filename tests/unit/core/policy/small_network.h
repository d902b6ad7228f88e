// SPDX-License-Identifier: Apache-2.0
// Networks written by hand for tests: users ada, bob and cyd, nodes 100.64.0.N and
// fd7a:115c:a1e0::N.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "tests/unit/core/policy/compiled_network.h"

namespace kernmesh::policy {

inline std::vector<Prefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<Prefix> result;
  for (const char* text : texts) result.push_back(*Prefix::parse(text));
  return result;
}

inline std::vector<std::string> texts(const std::vector<Prefix>& prefixes) {
  std::vector<std::string> result;
  result.reserve(prefixes.size());
  for (const auto& prefix : prefixes) result.push_back(to_string(prefix));
  return result;
}

inline IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

// What follows a node in a test.
class NodeWords {
 public:
  explicit NodeWords(Node& node) : node_(node) {}
  // Advertised and approved by an administrator.
  NodeWords& routes(std::initializer_list<const char*> texts) {
    node_.routes_advertised = node_.routes_approved = prefixes(texts);
    return *this;
  }
  NodeWords& advertises(std::initializer_list<const char*> texts) {
    node_.routes_advertised = prefixes(texts);
    return *this;
  }
  NodeWords& attribute(const std::string& name, const std::string& value) {
    node_.attributes[name] = value;
    return *this;
  }

 private:
  Node& node_;
};

class SmallNetwork {
 public:
  SmallNetwork() {
    inventory.overlay = prefixes({"100.64.0.0/10", "fd7a:115c:a1e0::/48"});
    inventory.domains = {"example.com", "example.org"};
    inventory.users = {{UserId(1), "ada", "ada@example.com", {"owner", "admin"}},
                       {UserId(2), "bob", "bob@example.com", {}},
                       {UserId(3), "cyd", "cyd@example.org", {"auditor"}}};
    inventory.nodes.reserve(64);  // NodeWords refers to its elements
  }

  // `owner` is a user's name or a tag.
  NodeWords node(std::uint64_t id, const std::string& owner) {
    Node node;
    node.id = NodeId(id);
    node.name = "n" + std::to_string(id);
    node.addresses = {address("100.64.0." + std::to_string(id)),
                      address("fd7a:115c:a1e0::" + std::to_string(id))};
    if (owner.starts_with("tag:")) node.tags = {owner};
    for (const auto& user : inventory.users) {
      if (user.name == owner) node.user = user.id;
    }
    inventory.nodes.push_back(std::move(node));
    return NodeWords(inventory.nodes.back());
  }

  // Fails the test and returns null when the policy is rejected.
  std::unique_ptr<CompiledNetwork> compile(std::string_view text) const {
    Diagnostics diagnostics;
    accept(text, inventory, diagnostics);
    for (const auto& finding : diagnostics.findings())
      ADD_FAILURE() << to_string(finding, "policy");
    return CompiledNetwork::make(text, inventory);
  }

  Inventory inventory;
};

}  // namespace kernmesh::policy
