// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/random_network.h"

#include <array>

namespace kernmesh::policy {
namespace {

constexpr std::array kRoutes = {
    "10.0.0.0/8",     "10.33.0.0/16",   "10.33.1.0/24",         "10.33.1.128/25", "192.168.1.0/24",
    "192.168.0.0/16", "8.8.8.0/24",     "100.115.92.0/24",      "172.16.0.0/31",  "10.34.0.0/16",
    "fd00:33::/32",   "fd00:33:1::/48", "2001:db8::/32",        "0.0.0.0/0",      "::/0",
    "100.64.0.4/30",  "100.64.0.3/32",  "fd7a:115c:a1e0::4/126"};

Prefix prefix(std::string_view text) { return *Prefix::parse(text); }

void add_routes(Node& node, const Choice& choice) {
  // Routes into the overlay are rare, nothing is said against them.
  const auto ordinary = static_cast<std::uint32_t>(kRoutes.size() - 3);
  for (auto count = choice.below(4); count > 0; --count) {
    const Prefix route = prefix(kRoutes[choice.below(
        choice.once_in(8) ? static_cast<std::uint32_t>(kRoutes.size()) : ordinary)]);
    if (!choice.once_in(10)) node.routes_advertised.push_back(route);
    if (choice.below(2) == 0) node.routes_approved.push_back(route);
  }
}

}  // namespace

const std::vector<std::string> kUserHandles = {"ada@example.com", "bob@example.com",
                                               "cyd@example.org", "dan@",
                                               "BOB@example.com", "nobody@example.com"};
const std::vector<std::string> kProviderGroups = {"/dev", "all hands", "tag:a"};
const std::vector<std::string> kTags = {"tag:a", "tag:b", "tag:c"};
const std::vector<std::string> kDomains = {"example.com", "example.org"};
const std::vector<std::string> kRoles = {"owner",    "admin",         "network-admin",
                                         "it-admin", "billing-admin", "auditor"};
const std::vector<std::string> kPrefixes = {"100.64.0.3",
                                            "10.33.0.0/16",
                                            "10.0.0.0/8",
                                            "10.33.1.0/24",
                                            "10.33.1.128/25",
                                            "10.33.1.7",
                                            "10.34.0.0/16",
                                            "10.32.0.0/14",
                                            "192.168.1.0/24",
                                            "192.168.0.0/16",
                                            "8.8.8.0/24",
                                            "8.8.8.8",
                                            "8.0.0.0/6",
                                            "100.64.0.0/28",
                                            "100.64.0.4/30",
                                            "100.64.0.2/31",
                                            "100.115.92.0/24",
                                            "100.0.0.0/8",
                                            "172.16.0.0/31",
                                            "128.0.0.0/1",
                                            "fd00:33::/32",
                                            "fd00:33:1::/48",
                                            "fd7a:115c:a1e0::3",
                                            "fd7a:115c:a1e0::/120",
                                            "fd7a:115c:a1e0::4/126",
                                            "2001:db8::/32",
                                            "2000::/4"};

User random_user(const Choice& choice, std::uint32_t number) {
  static const std::array kNames = {"ada", "bob", "cyd", "dan"};
  static const std::array kEmails = {"ada@example.com", "Bob@Example.com", "cyd@example.org", ""};
  User user{UserId(number + 1), kNames[number], kEmails[number], {}};
  for (auto count = choice.below(3); count > 0; --count) user.roles.push_back(choice.of(kRoles));
  for (const auto& group : kProviderGroups) {
    if (choice.below(3) == 0) user.groups.push_back(group);
  }
  return user;
}

Node random_node(const Choice& choice, NodeId id) {
  Node node;
  node.id = id;
  node.name = "n" + to_string(id);
  node.user = UserId(choice.below(4) + 1);
  if (choice.below(3) == 0) node.tags.push_back(choice.of(kTags));
  if (choice.once_in(8)) node.tags.push_back(choice.of(kTags));
  const auto number = static_cast<std::uint8_t>(id.value());
  const bool only_v4 = choice.once_in(8);
  node.addresses.push_back(IpAddress::from_v4_bytes({100, 64, 0, number}));
  if (!only_v4) {
    node.addresses.push_back(*IpAddress::parse("fd7a:115c:a1e0::" + std::to_string(number)));
  }
  add_routes(node, choice);
  if (choice.below(3) > 0) {
    node.attributes.emplace("node:os", choice.below(2) == 0 ? "linux" : "macos");
  }
  static const std::array kTiers = {"1", "2", "2.0", "2.10", "10"};
  if (choice.below(3) > 0) node.attributes.emplace("custom:tier", choice.of(kTiers));
  return node;
}

Inventory random_network(const Choice& choice) {
  Inventory inventory;
  inventory.overlay = {prefix("100.64.0.0/10"), prefix("fd7a:115c:a1e0::/48")};
  inventory.domains = kDomains;
  for (std::uint32_t number = 0; number < 4; ++number) {
    inventory.users.push_back(random_user(choice, number));
  }
  const auto count = 2 + choice.below(8);
  for (std::uint32_t i = 1; i <= count; ++i) {
    inventory.nodes.push_back(random_node(choice, NodeId(i)));
  }
  return inventory;
}

std::string to_string(const Inventory& inventory) {
  std::string text;
  for (const auto& user : inventory.users) {
    text += "user " + to_string(user.id) + " " + user.name + " <" + user.email + ">";
    for (const auto& role : user.roles) text += " " + role;
    text += "\n";
  }
  for (const auto& node : inventory.nodes) {
    text += "node " + to_string(node.id) + " user " + to_string(node.user);
    for (const auto& tag : node.tags) text += " " + tag;
    for (const auto& address : node.addresses) text += " " + to_string(address);
    text += " advertises";
    for (const auto& route : node.routes_advertised) text += " " + to_string(route);
    text += " approved";
    for (const auto& route : node.routes_approved) text += " " + to_string(route);
    for (const auto& [name, value] : node.attributes)
      text.append(" ").append(name).append("=").append(value);
    text += "\n";
  }
  return text;
}

}  // namespace kernmesh::policy
