// SPDX-License-Identifier: Apache-2.0
// The difference of two policies, held against what Decider says of packets.
#include "controller/core/policy/diff.h"

#include <gtest/gtest.h>

#include <random>

#include "controller/core/policy/decision.h"
#include "tests/unit/core/policy/parsing.h"

namespace kernmesh::policy {
namespace {

Inventory eight_nodes() {
  Inventory inventory;
  inventory.overlay = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a:115c:a1e0::/48")};
  const char* names[] = {"ada", "bob", "eve"};
  for (std::uint64_t i = 0; i < 3; ++i) {
    const std::string name = names[i];
    inventory.users.push_back({UserId(i + 1), name, name + "@example.com", {}});
  }
  for (std::uint64_t i = 1; i <= 8; ++i) {
    Node node;
    node.id = NodeId(i);
    node.name = "n" + std::to_string(i);
    if (i <= 5) node.user = UserId(1 + i % 3);
    if (i > 5) node.tags = {i == 6 ? "tag:db" : "tag:web"};
    node.addresses = {*IpAddress::parse("100.64.0." + std::to_string(i)),
                      *IpAddress::parse("fd7a:115c:a1e0::" + std::to_string(i))};
    inventory.nodes.push_back(node);
  }
  return inventory;
}

std::shared_ptr<const CompiledPolicy> compiled(const std::string& text) {
  const Parsed result = parsed(text);
  EXPECT_TRUE(result.document) << text << findings_of(result);
  return std::make_shared<const CompiledPolicy>(*compile(*result.document));
}

std::string with_rules(const std::string& rules) {
  return R"({"groups": {"group:g": ["ada@example.com", "bob@example.com"]},
    "tagOwners": {"tag:web": [], "tag:db": []}, "hosts": {"files": "10.0.0.5"},
    "acls": [)" +
         rules + "]}";
}

std::string random_policy(std::mt19937& random) {
  const std::vector<std::string> sources{"*",          "ada@example.com",  "group:g", "tag:web",
                                         "100.64.0.3", "autogroup:member", "files"};
  const std::vector<std::string> destinations{"*",     "group:g",     "tag:db",    "tag:web",
                                              "files", "10.0.0.0/24", "100.64.0.9"};
  const std::vector<std::string> ports{"*", "22", "20-30", "443,22"};
  const auto pick = [&](const auto& list) { return list[random() % list.size()]; };
  std::string rules;
  for (auto count = random() % 4; count-- > 0;) {
    const bool self = random() % 4 == 0;
    rules += R"({"action": "accept", )";
    if (random() % 2 == 0) rules += R"("proto": "tcp", )";
    rules += R"("src": [")" + (self ? std::string("group:g") : pick(sources)) + R"("], "dst": [")" +
             (self ? "autogroup:self" : pick(destinations)) + ":" + pick(ports) + R"("]},)";
  }
  return with_rules(rules);
}

struct Judge {
  Judge(const std::shared_ptr<const CompiledPolicy>& policy, const Inventory& inventory)
      : population(policy, inventory.overlay), decider(prepare(inventory)) {}
  const Population& prepare(const Inventory& inventory) {
    for (const auto& user : inventory.users) population.put(user);
    for (const auto& node : inventory.nodes) population.put(node);
    return population;
  }
  Population population;
  Decider decider;
};

// Every packet between addresses that the policies above can tell apart.
bool any_changes(const Judge& before, const Judge& after) {
  std::vector<IpAddress> places{*IpAddress::parse("10.0.0.5"), *IpAddress::parse("10.0.0.6"),
                                *IpAddress::parse("10.9.9.9"), *IpAddress::parse("192.0.2.1"),
                                *IpAddress::parse("100.64.0.9")};
  for (const auto& node : eight_nodes().nodes) places.push_back(node.addresses[0]);
  for (const auto& source : places) {
    // "*" covers it, but nobody has it: not looked at as a source.
    if (source == places[4]) continue;
    for (const auto& to : places) {
      for (const auto port : {1, 22, 25, 443}) {
        for (const auto protocol : {kProtocolTcp, kProtocolUdp, kProtocolIcmp}) {
          const auto number = static_cast<std::uint16_t>(protocol == kProtocolIcmp ? 0 : port);
          const Packet packet{source, to, protocol, number};
          if (before.decider.admits(packet) != after.decider.admits(packet)) return true;
        }
      }
    }
  }
  return false;
}

TEST(Diff, is_empty_iff_the_same_packets_are_admitted_and_every_sample_changes) {
  const Inventory inventory = eight_nodes();
  std::mt19937 random(20261121);
  int same = 0, different = 0;
  for (int round = 0; round < 400; ++round) {
    const std::string a = random_policy(random), b = random_policy(random);
    const auto before = compiled(a), after = compiled(b);
    const Judge old_judge(before, inventory), new_judge(after, inventory);
    const auto found = diff(before, after, inventory);
    for (const auto& difference : found) {
      const bool allowed = difference.kind == DifferenceKind::kAllowed;
      ASSERT_EQ(new_judge.decider.admits(difference.sample), allowed) << a << "\n" << b;
      ASSERT_EQ(old_judge.decider.admits(difference.sample), !allowed) << a << "\n" << b;
    }
    if (any_changes(old_judge, new_judge)) {
      ASSERT_FALSE(found.empty()) << "round " << round << "\n" << a << "\n" << b;
      ++different;
    }
    same += found.empty();
    ASSERT_TRUE(diff(before, before, inventory).empty()) << a;
  }
  EXPECT_GT(same, 5);
  EXPECT_GT(different, 100);
}

TEST(Diff, says_who_reaches_what_in_the_words_of_the_policy) {
  const auto none = compiled(with_rules(""));
  const auto some = compiled(with_rules(
      R"({"action": "accept", "proto": "tcp", "src": ["group:g"], "dst": ["tag:web:443"]})"));
  const auto found = diff(none, some, eight_nodes());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].sources, std::vector<std::string>{"group:g"});
  EXPECT_EQ(found[0].destinations, std::vector<std::string>{"tag:web"});
  EXPECT_EQ(to_string(found[0].services), "tcp/443");
  EXPECT_FALSE(found[0].family);
}

// A difference as a person is told it, without its sample.
std::vector<std::string> told(const std::string& before, const std::string& after) {
  std::vector<std::string> lines;
  for (const auto& difference : diff(compiled(before), compiled(after), eight_nodes())) {
    std::string line = difference.kind == DifferenceKind::kAllowed ? "+" : "-";
    for (const auto& name : difference.sources) line += " " + name;
    line += " ->";
    for (const auto& name : difference.destinations) line += " " + name;
    if (!difference.services.empty()) line += " " + to_string(difference.services);
    if (!difference.terms.empty()) line += " " + difference.terms;
    lines.push_back(line);
  }
  return lines;
}

std::string with_grant(const std::string& grant, const std::string& ssh = "") {
  return R"({"groups": {"group:g": ["ada@example.com", "bob@example.com"]},
    "tagOwners": {"tag:web": [], "tag:db": []}, "acls": [], "grants": [)" +
         grant + R"(], "ssh": [)" + ssh + "]}";
}

using Lines = std::vector<std::string>;

TEST(Diff, says_that_a_grant_holds_only_by_way_of_routers_from_now_on) {
  const std::string grant = R"({"src": ["group:g"], "dst": ["10.0.0.0/24"], "ip": ["tcp:443"])";
  EXPECT_EQ(
      told(with_grant(grant + "}"), with_grant(grant + R"(, "via": ["tag:web"]})")),
      (Lines{"+ group:g -> 10.0.0.0/24 tcp/443 via tag:web", "- group:g -> 10.0.0.0/24 tcp/443"}));
  EXPECT_EQ(told(with_grant(grant + R"(, "via": ["tag:db"]})"),
                 with_grant(grant + R"(, "via": ["tag:web"]})")),
            (Lines{"+ group:g -> 10.0.0.0/24 tcp/443 via tag:web",
                   "- group:g -> 10.0.0.0/24 tcp/443 via tag:db"}));
}

TEST(Diff, says_which_capabilities_come_and_go) {
  const auto grant = [](const std::string& source, const std::string& values) {
    return with_grant(R"({"src": [")" + source +
                      R"("], "dst": ["tag:web"], "app": {"example.com/cap/files": [)" + values +
                      "]}}");
  };
  EXPECT_EQ(told(with_grant(""), grant("ada@example.com", "")),
            Lines{"+ ada@example.com -> tag:web capability example.com/cap/files"});
  EXPECT_EQ(told(grant("ada@example.com", "1"), grant("group:g", "1")),
            Lines{"+ bob@example.com -> tag:web capability example.com/cap/files [1]"});
  EXPECT_EQ(told(grant("ada@example.com", "1"), grant("ada@example.com", "2")),
            (Lines{"+ ada@example.com -> tag:web capability example.com/cap/files [2]",
                   "- ada@example.com -> tag:web capability example.com/cap/files [1]"}));
}

TEST(Diff, says_who_may_log_in_as_whom) {
  const auto ssh = [](const std::string& action, const std::string& users) {
    return with_grant("", R"({"action": ")" + action +
                              R"(", "src": ["ada@example.com"], "dst": ["tag:db"], "users": [)" +
                              users + "]}");
  };
  EXPECT_EQ(told(ssh("accept", R"("root")"), ssh("accept", R"("root", "autogroup:nonroot")")),
            Lines{"+ ada@example.com -> tag:db SSH as any user but root"});
  EXPECT_EQ(told(ssh("accept", R"("root")"), ssh("check", R"("root")")),
            (Lines{"+ ada@example.com -> tag:db SSH as root after a check",
                   "- ada@example.com -> tag:db SSH as root"}));
}

TEST(Diff, of_logins_and_capabilities_is_empty_for_another_text_of_the_same_meaning) {
  const std::string one = R"({"src": ["group:g"], "dst": ["tag:web", "tag:db"], "ip": ["22"],
      "app": {"example.com/cap/a": [1], "example.com/cap/b": []}})";
  const std::string two = R"({"src": ["group:g"], "dst": ["tag:db", "tag:web"], "ip": ["22"],
      "app": {"example.com/cap/b": []}},
      {"src": ["bob@example.com", "ada@example.com"], "dst": ["tag:web", "tag:db"],
       "app": {"example.com/cap/a": [1]}})";
  EXPECT_EQ(told(with_grant(one), with_grant(two)), Lines{});
}

TEST(Diff, is_empty_for_another_text_of_the_same_meaning) {
  const auto whole =
      compiled(with_rules(R"({"action": "accept", "src": ["group:g"], "dst": ["tag:web:80-90"]})"));
  const auto parts = compiled(with_rules(
      R"({"action": "accept", "src": ["ada@example.com"], "dst": ["tag:web:80-85"]},
         {"action": "accept", "src": ["bob@example.com"], "dst": ["tag:web:85-90"]},
         {"action": "accept", "src": ["group:g"], "dst": ["tag:web:82-90"]},
         {"action": "accept", "src": ["bob@example.com"], "dst": ["tag:web:80-84"]})"));
  EXPECT_TRUE(diff(whole, parts, eight_nodes()).empty());
}

}  // namespace
}  // namespace kernmesh::policy
