// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/parse.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/core/policy/parsing.h"

namespace kernmesh::policy {
namespace {

std::vector<std::string> names(const std::vector<Selector>& selectors) {
  std::vector<std::string> result;
  result.reserve(selectors.size());
  for (const Selector& selector : selectors) result.push_back(to_string(selector));
  return result;
}

std::vector<std::string> texts_of(const std::vector<Located>& strings) {
  std::vector<std::string> result;
  result.reserve(strings.size());
  for (const Located& string : strings) result.push_back(string.text);
  return result;
}

using Names = std::vector<std::string>;

// The document of an accepted text; fails the test and gives an empty one otherwise.
Document accepted(const std::string& text) {
  Parsed result = parsed(text);
  EXPECT_TRUE(result.document) << text << "\n" << findings_of(result);
  return result.document ? *std::move(result.document) : Document{};
}

TEST(Parse, tells_absent_rules_from_an_empty_list) {
  EXPECT_FALSE(accepted("{}").has_rules_key);
  EXPECT_TRUE(accepted(R"({"acls": []})").has_rules_key);
  EXPECT_TRUE(accepted(R"({"grants": []})").has_rules_key);
}

TEST(Parse, reads_an_acl) {
  const auto document = accepted(with_tables(
      R"("acls": [ {"action": "accept", "src": ["group:dev", " ada@example.com"], "proto": "tcp",
      "dst": ["tag:web:443,80", "fd7a::1:22", "[fd7a::2]:*", "*:*"],
      "srcPosture": ["posture:linux"]}])"));
  ASSERT_EQ(document.rules.size(), 1U);
  const Rule& rule = document.rules.front();
  EXPECT_EQ(rule.origin, RuleOrigin::kAcl);
  EXPECT_EQ(rule.at, (Position{2, 11}));
  EXPECT_EQ(names(rule.src), (Names{"group:dev", "ada@example.com"}));
  ASSERT_EQ(rule.dst.size(), 4U);
  EXPECT_EQ(to_string(rule.dst[0].selector), "tag:web");
  EXPECT_EQ(to_string(rule.dst[0].ports), "80,443");
  EXPECT_EQ(rule.dst[0].selector.at, (Position{3, 15}));
  EXPECT_EQ(to_string(rule.dst[1].selector), "fd7a::1");
  EXPECT_EQ(to_string(rule.dst[1].ports), "22");
  EXPECT_EQ(to_string(rule.dst[2].selector), "fd7a::2");
  EXPECT_EQ(to_string(rule.dst[3].selector), "*");
  ASSERT_EQ(rule.services.size(), 1U);
  EXPECT_EQ(rule.services[0].protocols, std::vector<std::uint8_t>{6});
  EXPECT_TRUE(rule.services[0].ports.empty());
  ASSERT_TRUE(rule.src_posture);
  EXPECT_EQ(texts_of(*rule.src_posture), Names{"posture:linux"});
}

TEST(Parse, reads_a_grant) {
  const auto document = accepted(with_tables(
      R"("grants": [{"src": ["*"], "dst": ["files", "ipset:lan", "autogroup:member"],
      "ip": ["tcp:22", "53"], "via": ["tag:web"],
      "app": {"example.com/cap/x": [ {"a": 1.50, } /**/, "b" ], "example.com/cap/y": []}}])"));
  ASSERT_EQ(document.rules.size(), 1U);
  const Rule& rule = document.rules.front();
  EXPECT_EQ(rule.origin, RuleOrigin::kGrant);
  ASSERT_EQ(rule.dst.size(), 3U);
  EXPECT_TRUE(rule.dst[0].ports.empty());
  ASSERT_EQ(rule.services.size(), 2U);
  EXPECT_EQ(to_string(rule.services[0].ports), "22");
  EXPECT_EQ(rule.services[1].protocols, default_protocols());
  EXPECT_EQ(names(rule.via), Names{"tag:web"});
  ASSERT_EQ(rule.app.size(), 2U);
  EXPECT_EQ(rule.app[0].name, "example.com/cap/x");
  EXPECT_EQ(rule.app[0].values_json, R"([{"a":1.50},"b"])");
  EXPECT_EQ(rule.app[1].values_json, "[]");
  EXPECT_FALSE(rule.src_posture);
}

TEST(Parse, puts_acls_before_grants_whatever_their_order) {
  const auto document = accepted(R"({"grants": [{"src": [], "dst": [], "ip": ["*"]}],
      "acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]},
               {"action": "accept", "src": ["*"], "dst": ["*:1"]}]})");
  ASSERT_EQ(document.rules.size(), 3U);
  EXPECT_EQ(document.rules[0].origin, RuleOrigin::kAcl);
  EXPECT_EQ(document.rules[1].index, 1U);
  EXPECT_EQ(document.rules[2].origin, RuleOrigin::kGrant);
  EXPECT_EQ(document.rules[2].index, 0U);
}

TEST(Parse, reads_the_tables) {
  const auto document = accepted(R"({
    "groups": {"group:dev": ["ada@example.com", "bob@"], "group:none": [],
               "group:staff": ["oidc:/all hands", " oidc:tag:web", "oidc:a@b"]},
    "hosts": {"files": "10.0.0.5", "lan": "10.0.0.0/8"},
    "tagOwners": {"tag:a": ["tag:b", "group:dev"], "tag:b": ["tag:b", "tag:a", "ada@"]},
    "ipsets": {"ipset:x": ["add lan", "remove  10.1.0.0/16", "add autogroup:internet"],
               "ipset:y": ["add ipset:x"]},
    "postures": {"posture:p": ["node:os == 'linux'", "custom:x IS SET"]},
    "defaultSrcPosture": ["posture:p"],
    "autoApprovers": {"routes": {"0.0.0.0/0": ["tag:a"], "fd00::/8": ["group:dev", "ada@"]},
                      "exitNode": ["autogroup:admin"]},
    "nodeAttrs": [{"target": ["*", "tag:a"], "attr": ["funnel"], "ipPool": ["100.81.0.0/16"]},
                  {"target": [], "attr": ["x"]}],
    "randomizeClientPort": true})");
  EXPECT_EQ(texts_of(document.groups.at("group:dev").members), (Names{"ada@example.com", "bob@"}));
  EXPECT_EQ(document.groups.at("group:dev").at, (Position{2, 16}));
  EXPECT_TRUE(document.groups.at("group:none").members.empty());
  EXPECT_EQ(texts_of(document.groups.at("group:staff").members),
            (Names{"oidc:/all hands", "oidc:tag:web", "oidc:a@b"}));
  EXPECT_EQ(to_string(document.hosts.at("lan").prefix), "10.0.0.0/8");
  EXPECT_EQ(names(document.tag_owners.at("tag:b").owners), (Names{"tag:b", "tag:a", "ada@"}));
  const auto& steps = document.ipsets.at("ipset:x").steps;
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].selector.kind, SelectorKind::kHost);
  EXPECT_EQ(steps[1].operation, IpSetOperation::kRemove);
  EXPECT_EQ(to_string(steps[1].selector), "10.1.0.0/16");
  EXPECT_EQ(document.postures.at("posture:p").conditions.size(), 2U);
  EXPECT_EQ(texts_of(document.default_src_posture), Names{"posture:p"});
  ASSERT_EQ(document.route_approvals.size(), 2U);
  EXPECT_EQ(to_string(document.route_approvals[1].prefix), "fd00::/8");
  EXPECT_EQ(names(document.exit_approvers), Names{"autogroup:admin"});
  ASSERT_EQ(document.node_attributes.size(), 1U);
  EXPECT_EQ(texts_of(document.node_attributes[0].attributes), Names{"funnel"});
  EXPECT_EQ(document.node_attributes[0].ip_pool.size(), 1U);
  EXPECT_TRUE(document.randomize_client_port);
}

TEST(Parse, reads_ssh_rules) {
  const auto document = accepted(with_tables(R"("ssh": [
    {"action": "check", "src": ["autogroup:member"], "dst": ["autogroup:self"],
     "users": ["root", "autogroup:nonroot", "\tweb ", "localpart:*@example.com"],
     "checkPeriod": "1h30m", "acceptEnv": ["GIT_*", "LANG"]},
    {"action": "accept", "src": ["ada@example.com"], "dst": ["ada@example.com", "tag:web"],
     "users": ["ada"], "checkPeriod": "always"}])"));
  ASSERT_EQ(document.ssh.size(), 2U);
  const SshRule& rule = document.ssh[0];
  EXPECT_EQ(rule.action, SshAction::kCheck);
  ASSERT_EQ(rule.users.size(), 4U);
  EXPECT_EQ(rule.users[0].kind, SshUserKind::kRoot);
  EXPECT_EQ(rule.users[1].kind, SshUserKind::kNonroot);
  EXPECT_EQ(rule.users[2].kind, SshUserKind::kLiteral);
  EXPECT_EQ(rule.users[2].name, "web");
  EXPECT_EQ(rule.users[3].kind, SshUserKind::kLocalpart);
  EXPECT_EQ(rule.users[3].name, "example.com");
  EXPECT_EQ(rule.check_period, std::chrono::minutes(90));
  EXPECT_EQ(rule.accept_env, (Names{"GIT_*", "LANG"}));
  EXPECT_EQ(document.ssh[1].check_period, std::chrono::seconds(0));
  EXPECT_EQ(document.ssh[1].index, 1U);
}

TEST(Parse, leaves_the_names_of_tests_unread) {
  const auto document = accepted(R"({"tests": [
    {"src": "no such thing", "proto": "xyz", "accept": ["a:b:c"], "deny": ["0.0.0.0/0:*"],
     "srcPostureAttrs": {"node:os": "linux", "custom:n": 3, "custom:b": true}}, {}]})");
  ASSERT_EQ(document.tests.size(), 2U);
  const PolicyTest& test = document.tests[0];
  EXPECT_EQ(test.src.text, "no such thing");
  EXPECT_EQ(test.src.at, (Position{2, 13}));
  EXPECT_EQ(test.protocol.text, "xyz");
  EXPECT_EQ(texts_of(test.accept), Names{"a:b:c"});
  EXPECT_EQ(texts_of(test.deny), Names{"0.0.0.0/0:*"});
  const std::vector<std::pair<std::string, std::string>> attributes = {
      {"node:os", "linux"}, {"custom:n", "3"}, {"custom:b", "true"}};
  EXPECT_EQ(test.src_posture_attrs, attributes);
}

TEST(Parse, reads_ssh_tests) {
  const auto document = accepted(with_tables(R"("sshTests": [{"src": "ada@example.com",
    "dst": ["tag:web", "files", "ada@example.com"], "accept": ["root"], "check": [" web"],
    "deny": ["db"]}])"));
  ASSERT_EQ(document.ssh_tests.size(), 1U);
  const SshTest& test = document.ssh_tests[0];
  EXPECT_EQ(to_string(test.src), "ada@example.com");
  EXPECT_EQ(names(test.dst), (Names{"tag:web", "files", "ada@example.com"}));
  EXPECT_EQ(texts_of(test.accept), Names{"root"});
  EXPECT_EQ(texts_of(test.check), Names{"web"});
  EXPECT_EQ(texts_of(test.deny), Names{"db"});
}

TEST(Parse, accepts_what_has_no_effect) {
  for (const std::string_view rest : {
           R"("grants": [{"src": [], "dst": ["*"], "ip": ["*"]}])",
           R"("grants": [{"src": ["*"], "dst": null, "ip": ["*"]}])",
           R"("acls": [{"action": "accept", "src": ["autogroup:danger-all"], "dst": ["*:*"]}])",
           R"("acls": [{"action": "accept", "src": ["*"], "dst": ["autogroup:self:22"]}])",
           R"("acls": [{"action": "accept", "src": ["user:*@example.com"], "dst": ["*:*"]}])",
           R"("acls": [{"action": "accept", "src": ["eve@example.org"], "dst": ["*:*"]}])",
           R"("acls": [{"action": "accept", "src": ["*"], "dst": ["files:*"], "proto": "icmp"}])",
           R"("grants": [{"src": ["group:dev"], "dst": ["autogroup:self"], "ip": ["*"]}])",
           R"("grants": [{"src": ["*"], "dst": ["*"], "app": {"tailscale.com/cap/drive": []}}])",
           R"("ssh": [{"action": "accept", "src": [], "dst": ["tag:web"], "users": ["root"]}])",
           R"("ssh": [{"action": "accept", "users": ["root"]}])",
           R"("nodeAttrs": [{"target": ["*"], "attr": []}])",
       }) {
    const Parsed result = parsed(with_tables(rest));
    EXPECT_TRUE(result.document) << rest << "\n" << findings_of(result);
  }
}

TEST(Parse, warns_of_what_it_ignores) {
  const Parsed result = parsed(
      "{\"derpMap\": {\"x\": [1]},\n \"disableIPv4\": true, "
      "\"OneCGNATRoute\": \"\",\n \"acls\": [{\"action\": \"accept\"}]}");
  EXPECT_TRUE(result.document);
  EXPECT_EQ(findings_of(result),
            ":1:2: warning: \"derpMap\" has no meaning here and is ignored\n"
            ":2:2: warning: \"disableIPv4\" has no meaning here and is ignored\n"
            ":2:23: warning: \"OneCGNATRoute\" has no meaning here and is ignored\n"
            ":3:11: warning: the rule has no \"src\" and allows nothing\n");
}

}  // namespace
}  // namespace kernmesh::policy
