// SPDX-License-Identifier: Apache-2.0
// Policies that are refused for their text, each with the exact place and what is said.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/core/policy/parsing.h"

namespace kernmesh::policy {
namespace {

struct Refusal {
  std::string_view rest;     // the policy's second line, after the tables
  std::uint32_t column;      // in that line
  std::string_view message;  // a part of it
};

void expect_refused(const std::vector<Refusal>& rows) {
  for (const Refusal& row : rows) {
    const Parsed result = parsed(with_tables(row.rest));
    ASSERT_FALSE(result.document) << row.rest;
    EXPECT_EQ(result.diagnostics.error_count(), 1U) << row.rest << "\n" << findings_of(result);
    const Finding& error = result.diagnostics.first_error();
    EXPECT_EQ(error.at, (Position{2, row.column})) << row.rest << "\n" << findings_of(result);
    EXPECT_NE(error.message.find(row.message), std::string::npos) << row.rest << "\n"
                                                                  << findings_of(result);
    EXPECT_EQ(error.kind, FindingKind::kValidation);
  }
}

TEST(Rejected, wrong_types) {
  expect_refused({
      {R"("acls": {})", 9, "\"acls\" is an object, expected a list"},
      {R"("acls": null)", 9, "\"acls\" is null, expected a list; [] denies everything"},
      {R"("grants": [1])", 12, "a grant is the number 1, expected an object"},
      {R"("acls": [{"action": 1}])", 21, "\"action\" is the number 1, expected a string"},
      {R"("acls": [{"action": "accept", "src": "ada@"}])", 38,
       "\"src\" is the string \"ada@\", expected a list"},
      {R"("acls": [{"action": "accept", "dst": [["*:*"]]}])", 39,
       "an entry of \"dst\" is a list, expected a string"},
      {R"("tests": [{"src": []}])", 19, "\"src\" is a list, expected a string"},
      {R"("randomizeClientPort": "yes")", 24, "expected true or false"},
      {R"("autoApprovers": [])", 18, "\"autoApprovers\" is a list, expected an object"},
      {R"("grants": [{"src": [], "dst": [], "app": {"a.example/b": {}}}])", 58,
       "the values of \"a.example/b\" are an object, expected a list"},
  });
}

TEST(Rejected, unknown_keys_with_the_nearest_known) {
  expect_refused({
      {R"("ACLs": [])", 1, "unknown key \"ACLs\" in the policy; did you mean \"acls\"?"},
      {R"("TagOwners": {})", 1, "did you mean \"tagOwners\"?"},
      {R"("Tests": [])", 1, "did you mean \"tests\"?"},
      {R"("grnats": [])", 1, "did you mean \"grants\"?"},
      {R"("wholly": [])", 1, "known are acls, grants, "},
      {R"("acls": [{"action": "accept", "Src": []}])", 31,
       "unknown key \"Src\" in an acl; did you mean \"src\"?"},
      {R"("acls": [{"action": "accept", "users": []}])", 31, "did you mean \"src\"?"},
      {R"("acls": [{"action": "accept", "Ports": []}])", 31, "did you mean \"dst\"?"},
      {R"("acls": [{"action": "accept", "ip": []}])", 31, "unknown key \"ip\" in an acl"},
      {R"("tests": [{"src": "ada@", "allow": []}])", 27, "did you mean \"accept\"?"},
      {R"("ssh": [{"action": "accept", "usrs": []}])", 30, "did you mean \"users\"?"},
      {R"("autoApprovers": {"exitnode": []})", 19, "did you mean \"exitNode\"?"},
  });
}

TEST(Rejected, undefined_names) {
  expect_refused({
      {R"("acls": [{"action": "accept", "src": ["tag:wep"], "dst": ["*:*"]}])", 39,
       "the tag \"tag:wep\" is not defined; did you mean \"tag:web\"?"},
      {R"("acls": [{"action": "accept", "src": ["group:ops"], "dst": ["*:*"]}])", 39,
       "the group \"group:ops\" is not defined"},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["nowhere:*"]}])", 53,
       "the host \"nowhere\" is not defined; define it in \"hosts\""},
      {R"("grants": [{"src": ["ipset:x"], "dst": ["*"], "ip": ["*"]}])", 21,
       "the ipset \"ipset:x\" is not defined"},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"], "via": ["tag:gate"]}])", 62,
       "the tag \"tag:gate\" is not defined"},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"], "srcPosture": ["posture:x"]}])", 69,
       "the posture \"posture:x\" is not defined"},
      {R"("defaultSrcPosture": ["linux"])", 23, "the posture \"linux\" is not defined"},
      {R"("autoApprovers": {"exitNode": ["tag:gate"]})", 32, "the tag \"tag:gate\""},
      {R"("autoApprovers": {"routes": {"10.0.0.0/8": ["group:ops"]}})", 45, "\"group:ops\""},
      {R"("nodeAttrs": [{"target": ["tag:gate"], "attr": ["x"]}])", 27, "the tag \"tag:gate\""},
      {R"("ssh": [{"action": "accept", "src": ["ada@"], "dst": ["tag:gate"], "users": ["root"]}])",
       55, "the tag \"tag:gate\" is not defined"},
      {R"("sshTests": [{"src": "ada@", "dst": ["tag:gate"], "accept": ["root"]}])", 38,
       "the tag \"tag:gate\" is not defined"},
      {R"("acls": [{"action": "accept", "src": ["autogroup:all"], "dst": ["*:*"]}])", 39,
       "there is no autogroup \"autogroup:all\""},
  });
}

TEST(Rejected, acls) {
  expect_refused({
      {R"("acls": [{"action": "deny", "src": ["*"], "dst": ["*:*"]}])", 21,
       "the action \"deny\" does not exist"},
      {R"("acls": [{"src": ["*"], "dst": ["*:*"]}])", 10, "the acl has no \"action\""},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["tag:web"]}])", 53,
       "\"tag:web\" names no ports; write \"tag:web:443\", or \"tag:web:*\" for all"},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["files"]}])", 53, "names no ports"},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["tag:web:0"]}])", 53,
       "all ports are written \"*\""},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["tag:web:99999"]}])", 53,
       "\"99999\" is not a port; a port is 1 to 65535"},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["tag:web:443-80"]}])", 53,
       "write \"80-443\""},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["0.0.0.0/0:*"]}])", 53,
       "\"0.0.0.0/0\" is not valid as a destination; write \"*\""},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["::/0:22"]}])", 53,
       "\"::/0\" is not valid as a destination"},
      {R"("acls": [{"action": "accept", "src": ["*"], "dst": ["autogroup:danger-all:*"]}])", 53,
       "\"autogroup:danger-all\" is not valid as a destination"},
      {R"("acls": [{"action": "accept", "src": ["autogroup:self"], "dst": ["*:*"]}])", 39,
       "\"autogroup:self\" is not valid as a source"},
      {R"("acls": [{"action": "accept", "src": ["autogroup:internet"], "dst": ["*:*"]}])", 39,
       "\"autogroup:internet\" is not valid as a source"},
      {R"("acls": [{"action": "accept", "src": ["*", "tag:web"], "dst": ["autogroup:self:*"]}])",
       44, "the tag \"tag:web\" cannot be the source of \"autogroup:self\""},
      {R"("acls": [{"action": "accept", "src": ["10.0.0.1"], "dst": ["autogroup:self:*"]}])", 39,
       "the address \"10.0.0.1\" cannot be the source of \"autogroup:self\""},
      {R"("acls": [{"action": "accept", "src": ["autogroup:admin"], "dst": ["autogroup:self:*"]}])",
       39, "cannot be the source of \"autogroup:self\""},
      {R"("acls": [{"action": "accept", "proto": "icmp", "src": ["*"], "dst": ["files:22"]}])", 70,
       "icmp has no ports; write \"files:*\""},
      {R"("acls": [{"action": "accept", "proto": "tpc", "src": ["*"], "dst": ["files:22"]}])", 40,
       "there is no protocol \"tpc\"; did you mean \"tcp\"?"},
  });
}

TEST(Rejected, grants) {
  expect_refused({
      {R"("grants": [{"src": ["*"], "dst": ["*"]}])", 12, "neither \"ip\" nor \"app\""},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "ip": [], "app": {}}])", 12,
       "neither \"ip\" nor \"app\""},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "ip": ["icmp"]}])", 48,
       "did you mean \"icmp:*\"?"},
      {R"("grants": [{"src": ["*"], "dst": ["tag:web:22"], "ip": ["*"]}])", 35,
       "no ports stand here"},
      {R"("grants": [{"src": ["*"], "dst": ["autogroup:self"], "ip": ["*"]}])", 21,
       "cannot be the source of \"autogroup:self\""},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"], "via": ["autogroup:tagged"]}])", 62,
       "\"via\"; it holds tags only"},
      {R"("grants": [{"src": ["*"], "dst": ["autogroup:internet"], "app": {"a.example/b": []}}])",
       35, "capabilities are given on nodes"},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "app": {"https://a.example/b": []}}])", 49,
       "write DOMAIN/PATH without it: \"a.example/b\""},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "app": {"a.example": []}}])", 49,
       "\"a.example\" is not a capability"},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "app": {"a.example/": []}}])", 49,
       "is not a capability"},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "app": {"tailscale.com/cap/funnel": []}}])", 49,
       "reserved domain tailscale.com"},
      {R"("grants": [{"src": ["*"], "dst": ["*"], "app": {"Tailscale.com/cap/drive": []}}])", 49,
       "reserved domain tailscale.com"},
  });
}

TEST(Rejected, ssh) {
  expect_refused({
      {R"("ssh": [{"action": "deny", "src": ["ada@"], "dst": ["tag:web"], "users": ["root"]}])", 20,
       "write \"accept\" or \"check\""},
      {R"("ssh": [{"src": ["ada@"], "dst": ["tag:web"], "users": ["root"]}])", 9, "no \"action\""},
      {R"("ssh": [{"action": "accept", "src": ["*"], "dst": ["tag:web"], "users": ["root"]}])", 38,
       "\"*\" is not valid as a source of ssh"},
      {R"("ssh": [{"action": "accept", "src": ["ada@"], "dst": ["files"], "users": ["root"]}])", 55,
       "the host \"files\" is not valid as a destination of ssh"},
      {R"("ssh": [{"action": "accept", "src": ["ada@"], "dst": ["*"], "users": ["root"]}])", 55,
       "not valid as a destination of ssh"},
      {R"("ssh": [{"action": "accept", "src": ["tag:db"], "dst": ["autogroup:self"], "users": ["root"]}])",
       38, "cannot be the source of \"autogroup:self\""},
      {R"("ssh": [{"action": "accept", "src": ["bob@"], "dst": ["ada@"], "users": ["root"]}])", 38,
       "the user \"bob@\" cannot log into the nodes of \"ada@\""},
      {R"("ssh": [{"action": "accept", "src": ["ada@"], "dst": ["tag:web"], "users": [" "]}])", 77,
       "the user \" \" is not valid"},
      {R"("ssh": [{"action": "accept", "src": ["ada@"], "dst": ["tag:web"], "users": ["*"]}])", 77,
       "the user \"*\" is not valid"},
      {R"("ssh": [{"action": "accept", "users": ["autogroup:member"]}])", 40,
       "the only autogroup here is autogroup:nonroot"},
      {R"("ssh": [{"action": "accept", "users": ["localpart:ada@x.org"]}])", 40,
       "write localpart:*@example.com"},
      {R"("ssh": [{"action": "check", "checkPeriod": "168h0m1s"}])", 44,
       "it is 0s to 168h, or always"},
      {R"("ssh": [{"action": "check", "checkPeriod": "-1s"}])", 44, "is out of range"},
      {R"("ssh": [{"action": "check", "checkPeriod": "1d"}])", 44, "is not a duration"},
      {R"("sshTests": [{"src": "ada@", "dst": ["tag:web:22"], "accept": ["root"]}])", 38,
       "no ports stand here"},
      {R"("sshTests": [{"src": "ada@", "dst": ["10.0.0.0/8"], "accept": ["root"]}])", 38,
       "not valid as a destination of an ssh test"},
      {R"("sshTests": [{"src": "ada@", "dst": ["autogroup:internet"], "deny": ["root"]}])", 38,
       "not valid as a destination of an ssh test"},
      {R"("sshTests": [{"src": "*", "dst": ["tag:web"], "deny": ["root"]}])", 22,
       "not valid as the source of an ssh test"},
      {R"("sshTests": [{"src": "ada@", "dst": ["tag:web"], "deny": ["*"]}])", 59,
       "the user \"*\" is not valid"},
      {R"("sshTests": [{"dst": ["tag:web"], "deny": ["root"]}])", 14, "no \"src\""},
      {R"("sshTests": [{"src": "ada@", "deny": ["root"]}])", 14, "no \"dst\""},
  });
}

TEST(Rejected, node_sections) {
  expect_refused({
      {R"("autoApprovers": {"routes": {"10.0.0.1/8": []}})", 30, "10.0.0.1/8"},
      {R"("autoApprovers": {"routes": {"10.0.0.0/8": ["*"]}})", 45, "cannot be an approver"},
      {R"("autoApprovers": {"exitNode": ["autogroup:self"]})", 32, "cannot be an approver"},
      {R"("nodeAttrs": [{"target": ["autogroup:self"], "attr": ["x"]}])", 27,
       "cannot be a target of \"nodeAttrs\""},
      {R"("nodeAttrs": [{"target": ["autogroup:internet"], "attr": ["x"]}])", 27,
       "cannot be a target of \"nodeAttrs\""},
      {R"("nodeAttrs": [{"target": ["*"], "ipPool": ["100.100.100.0/28"]}])", 44,
       "overlaps 100.100.100.0/24"},
      {R"("nodeAttrs": [{"target": ["*"], "ipPool": ["100.64.0.0/10"]}])", 44,
       "overlaps 100.100.100.0/24"},
      {R"("nodeAttrs": [{"target": ["*"], "ipPool": ["10.0.0.0/8"]}])", 44,
       "does not lie in 100.64.0.0/10"},
      {R"("nodeAttrs": [{"target": ["*"], "ipPool": ["100.0.0.0/8"]}])", 44,
       "does not lie in 100.64.0.0/10"},
  });
}

// Tables stand in the first line of the others, so that these bring their own.
TEST(Rejected, tables) {
  struct TableRow {
    std::string_view text;
    std::uint32_t column;
    std::string_view message;
  };
  const std::vector<TableRow> rows = {
      {R"({"groups": {"group:a": ["group:b"], "group:b": []}})", 25,
       "is a group; groups hold users"},
      {R"({"groups": {"group:a": ["ada"]}})", 25, "\"ada\" is not a user"},
      {R"({"groups": {"group:a": ["tag:x"]}})", 25, "\"tag:x\" is not a user"},
      {R"({"groups": {"group:a": ["oidc:"]}})", 25, "is written oidc:NAME"},
      {R"({"groups": {"dev": []}})", 13, "it is group:NAME"},
      {R"({"tagOwners": {"tag:1a": []}})", 16, "a tag is tag: and a letter"},
      {R"({"tagOwners": {"web": []}})", 16, "\"web\" is not a tag"},
      {R"({"tagOwners": {"tag:a": ["*"]}})", 26, "cannot be the owner of a tag"},
      {R"({"tagOwners": {"tag:a": ["tag:b"]}})", 26, "the tag \"tag:b\" is not defined"},
      {R"({"hosts": {"a": "10.0.0.300"}})", 17, "10.0.0.300"},
      {R"({"hosts": {"a": "b"}})", 17, "\"b\""},
      {R"({"hosts": {"a:b": "10.0.0.1"}})", 12, "cannot name a host"},
      {R"({"hosts": {"ada@": "10.0.0.1"}})", 12, "cannot name a host"},
      {R"({"hosts": {"10.0.0.2": "10.0.0.1"}})", 12, "cannot name a host"},
      {R"({"ipsets": {"ipset:a": ["10.0.0.0/8"]}})", 25, "write \"add 10.0.0.0/8\""},
      {R"({"ipsets": {"ipset:a": ["add "]}})", 25, "is no step of an ipset"},
      {R"({"ipsets": {"ipset:a": ["add tag:x"]}, "tagOwners": {"tag:x": []}})", 25,
       "the tag \"tag:x\" cannot be in an ipset"},
      {R"({"ipsets": {"ipset:a": ["add autogroup:member"]}})", 25, "cannot be in an ipset"},
      {R"({"ipsets": {"ipset:a": ["add ipset:a"]}})", 25, "contains itself by way of \"ipset:a\""},
      {R"({"ipsets": {"ipset:a": ["add ipset:b"], "ipset:b": ["remove ipset:a"]}})", 53,
       "\"ipset:a\" contains itself by way of \"ipset:b\""},
      {R"({"postures": {"posture:a": ["node:os = 'x'"]}})", 29, "is no condition"},
      {R"({"postures": {"a": []}})", 15, "it is posture:NAME"},
  };
  for (const TableRow& row : rows) {
    const Parsed result = parsed(row.text);
    ASSERT_FALSE(result.document) << row.text;
    EXPECT_EQ(result.diagnostics.error_count(), 1U) << row.text << "\n" << findings_of(result);
    const Finding& error = result.diagnostics.first_error();
    EXPECT_EQ(error.at, (Position{1, row.column})) << row.text << "\n" << findings_of(result);
    EXPECT_NE(error.message.find(row.message), std::string::npos) << findings_of(result);
  }
}

TEST(Rejected, all_errors_are_named_at_once) {
  const Parsed result = parsed(R"({
  // Nobody defined this tag.
  "acls": [
    {"action": "accept", "src": ["tag:nope"], "dst": ["*:0"]},
    {"action": "drop", "src": ["*"], "dst": ["*:*"]},
  ],
  "hots": {},
})");
  EXPECT_EQ(findings_of(result),
            ":4:34: error: the tag \"tag:nope\" is not defined; define it in \"tagOwners\"\n"
            ":4:55: error: in \"*:0\": port 0 is not a port; all ports are written \"*\"\n"
            ":5:16: error: the action \"drop\" does not exist; rules only \"accept\", and what no "
            "rule accepts is denied\n"
            ":7:3: error: unknown key \"hots\" in the policy; did you mean \"hosts\"?\n");
}

}  // namespace
}  // namespace kernmesh::policy
