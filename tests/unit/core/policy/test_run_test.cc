// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/test_run.h"

#include <gtest/gtest.h>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

SmallNetwork network_under_test() {
  SmallNetwork network;
  network.node(1, "ada");
  network.node(2, "ada");
  network.node(3, "bob");
  network.node(4, "tag:web");
  return network;
}

// What accept() says of a policy that carries these tests; empty: accepted.
std::string verdict(const std::string& tests, const std::string& key = "tests") {
  const std::string text = R"({
    "groups": {"group:dev": ["ada@example.com", "bob@example.com"]},
    "hosts": {"web": "100.64.0.4", "lan": "10.0.0.0/8"},
    "tagOwners": {"tag:web": [], "tag:new": []},
    "acls": [
      {"action": "accept", "src": ["ada@example.com"], "dst": ["tag:web:443", "10.0.0.0/8:80"]},
      {"action": "accept", "src": ["tag:new"], "dst": ["tag:web:22"], "proto": "tcp"},
      {"action": "accept", "src": ["100.64.0.3"], "dst": ["100.64.0.4:8080"]}],
    "ssh": [
      {"action": "accept", "src": ["ada@example.com"], "dst": ["tag:web"], "users": ["deploy"]},
      {"action": "check", "src": ["bob@example.com"], "dst": ["tag:web"], "users": ["root"]}],
    ")" + key + R"(": [)" + tests +
                           "]}";
  Diagnostics diagnostics;
  const auto accepted = accept(text, network_under_test().inventory, diagnostics);
  if (accepted) return "";
  const auto& first = diagnostics.first_error();
  return (first.kind == FindingKind::kTests ? "tests: " : "validation: ") + first.message;
}

TEST(PolicyTests, that_hold_let_the_policy_in) {
  for (const char* test : {
           R"({"src": "ada@example.com", "accept": ["tag:web:443", "web:443", "10.1.1.1:80"]})",
           R"({"src": "ada@example.com", "deny": ["tag:web:22", "bob@example.com:443"]})",
           R"({"src": "ada@example.com", "proto": "tcp", "accept": ["[fd7a:115c:a1e0::4]:443"]})",
           R"({"src": "100.64.0.3", "accept": ["web:8080"]})",
           R"({"src": "tag:new", "accept": ["tag:web:22"]})",  // no node has the tag yet
           R"({"src": "tag:new", "proto": "udp", "deny": ["tag:web:22"]})",
       }) {
    EXPECT_EQ(verdict(test), "") << test;
  }
}

TEST(PolicyTests, that_fail_reject_it_whole) {
  for (const auto& [test, says] : {
           std::pair{R"({"src": "ada@example.com", "accept": ["tag:web:80"]})", "no rule lets it"},
           std::pair{R"({"src": "ada@example.com", "deny": ["tag:web:443"]})", "a rule lets it"},
           // bob has an IPv6 address too, and the rule is of his IPv4 address alone
           std::pair{R"({"src": "bob@example.com", "accept": ["tag:web:8080"]})", "only a part"},
           std::pair{R"({"src": "group:dev", "accept": ["tag:web:443"]})", "only a part"},
           std::pair{R"({"src": "ada@example.com"})", "expects nothing"},
           std::pair{R"({"src": "eve@example.com", "deny": ["tag:web:443"]})", "no user, group"},
           std::pair{R"({"src": "ada@example.com", "deny": ["tag:old:443"]})", "no user, group"},
           std::pair{R"({"src": "ada@example.com", "deny": ["lan:443"]})", "is a range"},
           std::pair{R"({"src": "ada@example.com", "deny": ["10.0.0.0/8:443"]})", "is a range"},
           std::pair{R"({"src": "ada@example.com", "deny": ["web:0"]})", "one port"},
           std::pair{R"({"src": "ada@example.com", "deny": ["web:80,443"]})", "one port"},
           std::pair{R"({"src": "ada@example.com", "deny": ["web"]})", "NAME:PORT"},
           std::pair{R"({"src": "ada@example.com", "deny": ["autogroup:internet:443"]})",
                     "cannot be tested"},
           std::pair{R"({"src": "ada@example.com", "proto": "icmp", "deny": ["web:443"]})",
                     "tcp or udp"},
       }) {
    const auto said = verdict(test);
    EXPECT_TRUE(said.starts_with("tests: ")) << test << ": " << said;
    EXPECT_NE(said.find(says), std::string::npos) << test << ": " << said;
  }
}

TEST(PolicyTests, of_logins_tell_accept_from_check) {
  const auto ssh = [](const char* test) { return verdict(test, "sshTests"); };
  for (
      const char* test : {
          R"({"src": "ada@example.com", "dst": ["tag:web"], "accept": ["deploy"], "deny": ["root"]})",
          R"({"src": "bob@example.com", "dst": ["web"], "accept": ["root"], "check": ["root"]})",
          R"({"src": "tag:new", "dst": ["tag:web"], "deny": ["root"]})",
      }) {
    EXPECT_EQ(ssh(test), "") << test;
  }
  for (const char* test : {
           R"({"src": "ada@example.com", "dst": ["tag:web"], "check": ["deploy"]})",
           R"({"src": "ada@example.com", "dst": ["tag:web"], "accept": ["root"]})",
           R"({"src": "bob@example.com", "dst": ["tag:web"], "deny": ["root"]})",
           R"({"src": "bob@example.com", "dst": ["tag:web"]})",
       }) {
    EXPECT_TRUE(ssh(test).starts_with("tests: ")) << test << ": " << ssh(test);
  }
}

TEST(PolicyTests, name_the_line_that_fails) {
  Diagnostics diagnostics;
  accept(
      "{\"acls\": [],\n \"tests\": [{\"src\": \"ada@example.com\",\n    \"accept\": "
      "[\"100.64.0.4:22\"]}]}",
      network_under_test().inventory, diagnostics);
  ASSERT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(diagnostics.first_error().at, (Position{3, 16}));
}

}  // namespace
}  // namespace kernmesh::policy
