// SPDX-License-Identifier: Apache-2.0
// The policies of tests/golden/policy, which docs/policy.md shows: each is accepted and means what
// the text around it says.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/policy/decision.h"
#include "controller/core/policy/ssh.h"
#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

const std::string kGolden = MESH_SOURCE_DIR "/tests/golden/policy/";

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string golden(const std::string& name) { return content_of(kGolden + name + ".hujson"); }

std::set<std::string> golden_names() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden)) {
    if (entry.is_regular_file()) names.insert(entry.path().stem().string());
  }
  return names;
}

// As docs/policy.md shows it: without the licence's line.
std::string shown(const std::string& name) {
  const std::string text = golden(name);
  return text.substr(text.find('\n') + 1);
}

constexpr std::uint64_t kAda = 1, kBob = 2, kCyd = 3, kProduction = 4, kStaging = 5, kServer = 6;
constexpr std::uint64_t kMedia = 7, kNas = 8, kRouter = 9, kExit = 10, kAdmin = 11, kKid = 12;
constexpr std::uint64_t kAdaToo = 13, kServerToo = 14;

SmallNetwork golden_network() {
  SmallNetwork network;
  network.inventory.domains.emplace_back("gmail.com");
  network.inventory.users.push_back({UserId(4), "user", "user@gmail.com", {}});
  network.inventory.users.push_back({UserId(5), "kid", "kid@gmail.com", {}});
  network.node(kAda, "ada").attribute("node:os", "linux").attribute("node:meshVersion", "1.10");
  network.node(kBob, "bob").attribute("custom:tier", "silver");
  network.node(kCyd, "cyd");
  network.node(kProduction, "tag:production");
  network.node(kStaging, "tag:staging");
  network.node(kServer, "tag:server");
  network.node(kMedia, "tag:media");
  network.node(kNas, "tag:nas");
  network.node(kRouter, "tag:router").advertises({"10.33.0.0/16", "10.44.0.0/16"});
  network.node(kExit, "tag:exit").advertises({"0.0.0.0/0", "::/0"});
  network.node(kAdmin, "user");
  network.node(kKid, "kid");
  network.node(kAdaToo, "ada");
  network.node(kServerToo, "tag:server");
  return network;
}

std::string v4(std::uint64_t node) { return "100.64.0." + std::to_string(node); }

struct Verdicts {
  std::uint64_t source;
  std::string destination;
  std::uint16_t port;
  bool admitted;
  std::uint8_t protocol = kProtocolTcp;
};

void expect_verdicts(const std::string& name, const std::vector<Verdicts>& rows) {
  const auto compiled = golden_network().compile(golden(name));
  ASSERT_TRUE(compiled) << name;
  const Decider decider(compiled->population);
  for (const Verdicts& row : rows) {
    const Packet packet{address(v4(row.source)), address(row.destination), row.protocol, row.port};
    EXPECT_EQ(decider.admits(packet), row.admitted)
        << name << ": node " << row.source << " to " << row.destination << " port " << row.port
        << " protocol " << int{row.protocol};
  }
}

TEST(Golden, every_policy_is_accepted_without_a_remark) {
  const auto names = golden_names();
  ASSERT_FALSE(names.empty());
  for (const auto& name : names) {
    Diagnostics diagnostics;
    EXPECT_TRUE(accept(golden(name), golden_network().inventory, diagnostics)) << name;
    for (const auto& finding : diagnostics.findings()) ADD_FAILURE() << to_string(finding, name);
  }
}

TEST(Golden, the_manual_shows_every_policy_and_no_other) {
  std::set<std::string> unshown;
  for (const auto& name : golden_names()) unshown.insert(shown(name));
  const std::string manual = content_of(MESH_SOURCE_DIR "/docs/policy.md");
  const std::string fence = "```jsonc\n";
  for (auto at = manual.find(fence); at != std::string::npos; at = manual.find(fence, at)) {
    at += fence.size();
    const std::string block = manual.substr(at, manual.find("```", at) - at);
    EXPECT_EQ(unshown.erase(block), 1U) << "in docs/policy.md only:\n" << block;
  }
  for (const auto& text : unshown) ADD_FAILURE() << "in tests/golden/policy only:\n" << text;
}

TEST(Golden, groups_and_tags) {
  expect_verdicts("first", {{kAda, v4(kProduction), 443, true},
                            {kBob, v4(kProduction), 443, true},
                            {kCyd, v4(kProduction), 443, false},
                            {kAda, v4(kProduction), 22, false},
                            {kAda, v4(kAdaToo), 22, true},
                            {kAda, v4(kBob), 22, false},
                            {kProduction, v4(kAda), 443, false}});
  expect_verdicts("production", {{kBob, v4(kProduction), 443, true},
                                 {kBob, v4(kProduction), 22, false},
                                 {kAda, v4(kProduction), 22, true},
                                 {kAda, v4(kStaging), 22, false}});
  expect_verdicts("staging", {{kBob, v4(kProduction), 443, true},
                              {kBob, v4(kProduction), 22, false},
                              {kBob, v4(kStaging), 22, true},
                              {kBob, v4(kServer), 443, false},
                              {kAda, v4(kServer), 22, true},
                              {kCyd, v4(kStaging), 443, false}});
  expect_verdicts("home", {{kKid, v4(kMedia), 8096, true},
                           {kKid, v4(kMedia), 22, false},
                           {kKid, v4(kNas), 445, true},
                           {kKid, v4(kServer), 443, false},
                           {kAdmin, v4(kNas), 22, true},
                           {kServer, v4(kServerToo), 22, true},
                           {kServer, v4(kNas), 445, false},
                           {kKid, "198.51.100.7", 443, true},
                           {kServer, "198.51.100.7", 443, false}});
}

TEST(Golden, addresses_and_ports) {
  expect_verdicts("addresses", {{kCyd, "10.33.0.9", 631, true},
                                {kCyd, "10.33.0.10", 631, false},
                                {kAda, "10.33.7.1", 22, true},
                                {kAda, "10.33.99.1", 22, false},
                                {kBob, "10.33.7.1", 22, false}});
  expect_verdicts("ports", {{kBob, v4(kServer), 8500, true},
                            {kBob, v4(kServer), 9000, false},
                            {kBob, v4(kServer), 443, false, kProtocolUdp},
                            {kBob, v4(kServer), 0, true, kProtocolIcmp},
                            {kBob, v4(kServer), 22, false},
                            {kCyd, v4(kServer), 22, true},
                            {kCyd, v4(kServer), 53, true, kProtocolUdp},
                            {kCyd, v4(kServer), 53, false},
                            {kCyd, v4(kServer), 0, true, 47}});
}

TEST(Golden, postures_and_capabilities) {
  expect_verdicts("posture", {{kAda, v4(kStaging), 443, true},
                              {kBob, v4(kStaging), 443, false},
                              {kBob, v4(kProduction), 443, true},
                              {kCyd, v4(kProduction), 443, false},
                              {kAdaToo, v4(kProduction), 443, false}});
  expect_verdicts("capabilities", {{kCyd, v4(kNas), 445, true}, {kBob, v4(kNas), 443, false}});
  const auto compiled = golden_network().compile(golden("capabilities"));
  const Slice slice = compiled->slice(NodeId(kNas));
  const auto held_by = [&](std::uint64_t node) {
    return capabilities_of(slice, compiled->addresses, compiled->addresses.at(NodeId(kNas)),
                           address(v4(node)));
  };
  ASSERT_EQ(held_by(kBob).size(), 1U);
  EXPECT_EQ(held_by(kBob).front()->name, "example.com/cap/files");
  EXPECT_TRUE(held_by(kCyd).empty());
}

TEST(Golden, routes_are_approved_by_the_tag_of_the_router) {
  const auto compiled = golden_network().compile(golden("routes"));
  const auto& router = compiled->population.member(compiled->index(NodeId(kRouter)));
  const auto& exit = compiled->population.member(compiled->index(NodeId(kExit)));
  EXPECT_EQ(texts(router.subnet_routes), std::vector<std::string>{"10.33.0.0/16"});
  EXPECT_EQ(exit.exit_routes.size(), 2U);
  EXPECT_EQ(texts(compiled->routes(NodeId(kAda), NodeId(kRouter))),
            std::vector<std::string>{"10.33.0.0/16"});
  EXPECT_FALSE(compiled->sees(NodeId(kBob), NodeId(kRouter)));
  EXPECT_EQ(compiled->routes(NodeId(kBob), NodeId(kExit)).size(), 2U);
}

TEST(Golden, attributes_reach_nobody_new) {
  expect_verdicts("attributes", {{kAda, v4(kAdaToo), 22, true}, {kAda, v4(kBob), 22, false}});
}

TEST(Golden, ssh_logins_are_apart_from_ports) {
  expect_verdicts("ssh", {{kCyd, v4(kServer), 22, true}, {kCyd, v4(kServer), 80, false}});
  const auto compiled = golden_network().compile(golden("ssh"));
  const SshPolicy ssh(*compiled->policy.document, compiled->population);
  const auto login = [&](std::uint64_t source, std::uint64_t destination, const char* user) {
    return ssh.decide(compiled->index(NodeId(source)), compiled->index(NodeId(destination)), user);
  };
  EXPECT_EQ(login(kAda, kServer, "root"), SshAction::kCheck);
  EXPECT_EQ(login(kBob, kServer, "bob"), SshAction::kAccept);
  EXPECT_EQ(login(kBob, kServer, "root"), std::nullopt);
  EXPECT_EQ(login(kCyd, kServer, "cyd"), std::nullopt) << "another domain";
  EXPECT_EQ(login(kAda, kAdaToo, "anybody"), SshAction::kAccept);
  EXPECT_EQ(login(kAda, kBob, "anybody"), std::nullopt);
}

std::vector<std::string> golden_findings(const std::string& name) {
  Diagnostics diagnostics;
  EXPECT_FALSE(accept(golden("rejected/" + name), golden_network().inventory, diagnostics)) << name;
  std::vector<std::string> lines;
  for (const auto& finding : diagnostics.findings()) lines.push_back(to_string(finding, name));
  return lines;
}

TEST(Golden, unknown_names_are_reported_where_they_stand) {
  const auto undefined = [](const std::string& place, const std::string& what) {
    return place + ": error: the " + what;
  };
  const std::vector<std::string> production = {
      undefined("production:4:32", R"(group "group:dev" is not defined)"),
      undefined("production:4:54", R"(tag "tag:production" is not defined)"),
      undefined("production:5:32", R"(group "group:ops" is not defined)"),
      undefined("production:5:54", R"(tag "tag:production" is not defined)")};
  const std::vector<std::string> staging = {
      undefined("staging:4:32", R"(group "group:engineering" is not defined)"),
      undefined("staging:5:32", R"(group "group:ops" is not defined)"),
      undefined("staging:6:36", R"(group "group:ops" is not defined)"),
      undefined("staging:6:66", R"(group "group:engineering" is not defined)")};
  for (const auto& [name, expected] :
       {std::pair{"production", production}, std::pair{"staging", staging}}) {
    const auto found = golden_findings(name);
    ASSERT_EQ(found.size(), expected.size()) << ::testing::PrintToString(found);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(found[i].starts_with(expected[i])) << found[i] << "\n" << expected[i];
    }
  }
}

}  // namespace
}  // namespace kernmesh::policy
