// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/large_policy.h"

#include <array>

namespace kernmesh::policy {
namespace {

std::string subnet(std::uint32_t n) {
  return "10." + std::to_string(n / 256 % 256) + "." + std::to_string(n % 256) + ".0/24";
}

// One node in ten has a tag, one in fifty routes a subnet.
Node node_of(std::uint32_t n) {
  Node node;
  node.id = NodeId(n + 1);
  node.name = "n" + std::to_string(n);
  node.user = UserId(n % kUsers + 1);
  if (n % 10 == 0) node.tags = {tag_name(n / 10)};
  if (n % 1000 == 7) node.tags = {"tag:late"};
  std::array<std::uint8_t, 16> v6{0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0};
  for (std::size_t i = 0; i < 4; ++i) v6[15 - i] = static_cast<std::uint8_t>(n >> 8 * i);
  node.addresses = {IpAddress::from_v4_number(0x64400001 + n), IpAddress::from_v6_bytes(v6)};
  if (n % 50 == 0) {
    node.routes_advertised = {*Prefix::parse(subnet(n / 50))};
    node.routes_approved = node.routes_advertised;
  }
  node.attributes = {{"node:os", n % 3 == 0 ? "macos" : "linux"}};
  return node;
}

constexpr const char* kPosture = R"(, "srcPosture": ["posture:linux"])";

// Of ten rules: groups to tags, tags to tags, groups to subnets, users to groups, and one's own
// nodes, everybody or a CIDR with a posture.
std::string rule(std::uint32_t n, const std::string& more_ports) {
  const auto acl = [&](const std::string& src, const std::string& dst, const char* more = "") {
    return R"({"action": "accept", "src": [")" + src + R"("], "dst": [")" + dst + ":" +
           std::to_string(1 + n % 60000) + more_ports + "\"]" + more + "}";
  };
  switch (n % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
      return acl(group_name(n), tag_name(n));
    case 4:
    case 5:
      return acl(tag_name(n), tag_name(n / 7));
    case 6:
    case 7:
      return acl(group_name(n), subnet(n));
    case 8:
      return acl(user_name(n), group_name(n / 3));
    default:
      return n % 20 == 9 ? acl("autogroup:member", "autogroup:self")
                         : acl("100.64.0.0/16", tag_name(n), kPosture);
  }
}

}  // namespace

std::string user_name(std::uint32_t n) {
  return "user" + std::to_string(n % kUsers) + "@a.example";
}
std::string group_name(std::uint32_t n) { return "group:g" + std::to_string(n % kGroups); }
std::string tag_name(std::uint32_t n) { return "tag:t" + std::to_string(n % kTags); }
Inventory large_network(std::uint32_t nodes) {
  Inventory inventory;
  inventory.overlay = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a:115c:a1e0::/48")};
  inventory.domains = {"a.example"};
  for (std::uint32_t n = 0; n < kUsers; ++n) {
    inventory.users.push_back({UserId(n + 1), "user" + std::to_string(n), user_name(n), {}});
  }
  for (std::uint32_t n = 0; n < nodes; ++n) inventory.nodes.push_back(node_of(n));
  return inventory;
}

std::string large_policy(std::uint32_t rules, const Variation& variation) {
  std::string text = "{\"groups\": {";
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    text += '"' + group_name(group) + "\": [";
    for (std::uint32_t i = 0; i < 25; ++i) text += '"' + user_name(group * 7 + i * 31) + "\", ";
    if (group == 0 && !variation.member.empty()) text += '"' + variation.member + '"';
    text += "],\n";
  }
  text += "},\n\"tagOwners\": {";
  for (std::uint32_t tag = 0; tag < kTags; ++tag) text += '"' + tag_name(tag) + "\": [], ";
  text += "\"tag:late\": []},\n\"postures\": {\"posture:linux\": [\"node:os == 'linux'\"]},\n";
  text += "\"acls\": [\n";
  for (std::uint32_t n = 0; n < rules; ++n) {
    text += rule(n + variation.shift, n == 0 ? variation.port : std::string()) + ",\n";
  }
  return text + variation.rule + "]}\n";
}

}  // namespace kernmesh::policy
