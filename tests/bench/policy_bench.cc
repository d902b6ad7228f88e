// SPDX-License-Identifier: Apache-2.0
// Times the policy compiler on a large network: cold, and one node's change. Prints a table, and
// as the last line the same as JSON behind "json ".
//   policy-bench [NODES RULES RUNS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "controller/core/policy/network_policy.h"
#include "controller/core/policy/slicing.h"

namespace kernmesh::policy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kUsers = 2000;
constexpr std::uint32_t kGroups = 400;
constexpr std::uint32_t kTags = 100;

std::string user_name(std::uint32_t n) {
  return "user" + std::to_string(n % kUsers) + "@a.example";
}
std::string group_name(std::uint32_t n) { return "group:g" + std::to_string(n % kGroups); }
std::string tag_name(std::uint32_t n) { return "tag:t" + std::to_string(n % kTags); }
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

Inventory network(std::uint32_t nodes) {
  Inventory inventory;
  inventory.overlay = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a:115c:a1e0::/48")};
  inventory.domains = {"a.example"};
  for (std::uint32_t n = 0; n < kUsers; ++n) {
    inventory.users.push_back({UserId(n + 1), "user" + std::to_string(n), user_name(n), {}});
  }
  for (std::uint32_t n = 0; n < nodes; ++n) inventory.nodes.push_back(node_of(n));
  return inventory;
}

constexpr const char* kPosture = R"(, "srcPosture": ["posture:linux"])";

// Of ten rules: groups to tags, tags to tags, groups to subnets, users to groups, and one's own
// nodes, everybody or a CIDR with a posture.
std::string rule(std::uint32_t n) {
  const auto acl = [&](const std::string& src, const std::string& dst, const char* more = "") {
    return R"({"action": "accept", "src": [")" + src + R"("], "dst": [")" + dst + ":" +
           std::to_string(1 + n % 60000) + "\"]" + more + "}";
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

std::string policy(std::uint32_t rules) {
  std::string text = "{\"groups\": {";
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    text += '"' + group_name(group) + "\": [";
    for (std::uint32_t i = 0; i < 25; ++i) text += '"' + user_name(group * 7 + i * 31) + "\", ";
    text += "],\n";
  }
  text += "},\n\"tagOwners\": {";
  for (std::uint32_t tag = 0; tag < kTags; ++tag) text += '"' + tag_name(tag) + "\": [], ";
  text += "},\n\"postures\": {\"posture:linux\": [\"node:os == 'linux'\"]},\n\"acls\": [\n";
  for (std::uint32_t n = 0; n < rules; ++n) text += rule(n) + ",\n";
  return text + "]}\n";
}

AcceptedPolicy accepted(const std::string& text, const Inventory& inventory) {
  Diagnostics diagnostics;
  auto policy = accept(text, inventory, diagnostics);
  if (policy) return *std::move(policy);
  std::fprintf(stderr, "%s\n", to_string(diagnostics.first_error(), "policy").c_str());
  std::exit(1);
}

Population populated(const AcceptedPolicy& policy, const Inventory& inventory) {
  Population population(policy.compiled, inventory.overlay);
  for (const auto& user : inventory.users) population.put(user);
  for (const auto& node : inventory.nodes) population.put(node);
  return population;
}

class Table {
 public:
  explicit Table(int runs) : runs_(runs) {
    std::printf("%-46s %12s %12s\n", "", "median ms", "minimum ms");
  }
  void measure(const char* key, const char* what, const std::function<void()>& work) {
    std::vector<double> times;
    for (int run = 0; run < runs_; ++run) {
      const auto start = Clock::now();
      work();
      times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    const double median = times[times.size() / 2];
    std::printf("%-46s %12.3f %12.3f\n", what, median, times.front());
    std::fflush(stdout);
    char entry[160];
    std::snprintf(entry, sizeof entry, ", \"%s\": {\"median_ms\": %.4f, \"minimum_ms\": %.4f}", key,
                  median, times.front());
    json_ += entry;
  }
  void finish(std::uint32_t nodes, std::uint32_t rules) const {
    std::printf("json {\"nodes\": %u, \"rules\": %u, \"runs\": %d%s}\n", nodes, rules, runs_,
                json_.c_str());
  }

 private:
  int runs_;
  std::string json_;
};

// A node is tagged and untagged in turn; its peers are asked for before and after, as for a delta.
void measure_changes(Table& table, const AcceptedPolicy& policy, const Inventory& inventory) {
  Population population = populated(policy, inventory);
  const Reach reach(population);
  std::size_t peers = 0;
  std::uint32_t turn = 0;
  const auto change = [&](Node node) {
    const NodeIndex index = population.find(node.id);
    peers += reach.peers_of(index).size();
    node.tags = {tag_name(turn++)};
    population.put(node);
    peers += reach.peers_of(index).size();
  };
  table.measure("put", "one node gets another tag, peers before and after",
                [&] { change(inventory.nodes[11]); });
  table.measure("put_router", "the same of a router of a subnet",
                [&] { change(inventory.nodes[50]); });
  std::size_t rules = 0;
  table.measure("slice", "the slice of one node", [&] {
    rules += slice_for(reach, population.find(NodeId(12 + 10 * turn++))).rules.size();
  });
  if (peers == 0 || rules == 0) std::exit(1);
}

int run(std::uint32_t nodes, std::uint32_t rules, int runs) {
  const Inventory inventory = network(nodes);
  const std::string text = policy(rules);
  std::printf("%u nodes, %u rules (%zu bytes), %d runs\n", nodes, rules, text.size(), runs);
  Table table(runs);
  table.measure("cold", "cold: text, compilation, population, reach", [&] {
    const auto policy = accepted(text, inventory);
    const Population population = populated(policy, inventory);
    const Reach reach(population);
    if (population.everybody().size() != nodes) std::exit(1);
  });
  const auto policy = accepted(text, inventory);
  table.measure("compile", "text and compilation alone", [&] { accepted(text, inventory); });
  measure_changes(table, policy, inventory);
  std::string large = kernmesh::policy::policy(100'000);
  large.append(large.size() < 10'000'000 ? 10'000'000 - large.size() : 0, ' ');
  table.measure("compile_10_mb", "text and compilation of 10 MB, 100,000 rules",
                [&] { accepted(large, inventory); });
  table.finish(nodes, rules);
  return 0;
}

}  // namespace
}  // namespace kernmesh::policy

int main(int argc, char** argv) {
  const auto number = [&](int index, long usual) {
    return argc > index ? std::strtol(argv[index], nullptr, 10) : usual;
  };
  return kernmesh::policy::run(static_cast<std::uint32_t>(number(1, 10'000)),
                               static_cast<std::uint32_t>(number(2, 1000)),
                               static_cast<int>(number(3, 11)));
}
