// SPDX-License-Identifier: Apache-2.0
// Wrong usage, help and completion: what needs neither agent nor server.
#include <gtest/gtest.h>

#include "tests/unit/meshadm/in_process.h"
#include "tools/meshadm/command.h"
#include "tools/meshadm/completion.h"

namespace kernmesh::adm {
namespace {

using Words = std::vector<std::string>;

TEST(Usage, wrong_words_end_with_2_and_name_the_nearest_known) {
  struct Case {
    Words words;
    std::string expected;
  };
  const std::vector<Case> cases{
      {{"statsu"}, "did you mean \"status\"?"},
      {{"status", "--jsno"}, "did you mean \"--json\"?"},
      {{"node", "lst"}, "did you mean \"list\"?"},
      {{"key", "create", "--user", "a", "--reuseable"}, "did you mean \"--reusable\"?"},
      {{"user"}, "wants one of: create, list, roles, link, delete"},
      {{"key", "create", "--user", "a", "--expires", "5"}, "is not a span of time"},
      {{"key", "create"}, "of a user (--user USER) or for a relay (--relay)"},
      {{"key", "revoke", "abc"}, "id"},
      {{"token", "revoke", "abc"}, "id"},
      {{"token", "create", "--expires", "5"}, "is not a span of time"},
      {{"audit", "--since", "yesterday"}, "is not a span of time"},
      {{"audit", "--since", "7d", "--last", "5"}, "excludes"},
      {{"node", "rename", "web-1"}, "name is required"},
      {{"down", "now"}, "does not expect another word"},
      {{"completion", "tcsh"}, "none of bash, zsh, fish"},
      {{"up", "--key", "mk-a", "--ca-fingerprint", "00"}, "excludes"},
      {{"acl", "explain", "laptop", ":99999"}, "99999"},
      {{"acl", "explain", "laptop", "web"}, "web"},
      {{"policy", "explain", "laptop", "web-1:x"}, "web-1:x"},
      {{"ping", "web-1", "-c", "0"}, "\"0\" is not a number of probes: write 1 or more"},
      {{"ping", "web-1", "--count=-1"}, "\"-1\" is not a number of probes"},
      {{"ping", "web-1", "-c", "3x"}, "\"3x\" is not a number of probes"},
      {{"ping", "web-1", "-c", "4294967296"}, "\"4294967296\" is not a number of probes"},
      {{"user", "list", "--server", "host:bad"}, "host:bad"},
      {{"up", "--server", "host:bad"}, "host:bad"},
  };
  Terminal terminal;
  for (const auto& [words, expected] : cases) {
    EXPECT_EQ(terminal.run(words), 2) << words.back();
    EXPECT_NE(terminal.err.str().find(expected), std::string::npos) << terminal.err.str();
    EXPECT_EQ(terminal.out.str(), "") << words.back();
  }
}

TEST(Usage, numbers_are_decimal_and_count_from_one) {
  Terminal terminal;
  for (const char* number : {"0", "010", "0x1f", "-1", "+1", " 1", "1e3", ""}) {
    EXPECT_EQ(terminal.run({"key", "revoke", number}), 2) << number;
    EXPECT_EQ(terminal.run({"policy", "get", "--revision", number}), 2) << number;
    EXPECT_EQ(terminal.run({"audit", "--last", number}), 2) << number;
  }
  EXPECT_EQ(terminal.run({"token", "revoke", "99999999999999999999"}), 2);
}

TEST(Usage, wrong_words_are_told_in_json_wherever_the_option_stands) {
  Terminal terminal;
  EXPECT_EQ(terminal.run({"--nonsense", "status", "--json"}), 2);
  EXPECT_EQ(terminal.error()["code"], "usage");
}

TEST(Usage, options_of_the_root_count_before_and_after_the_verb) {
  Terminal terminal;
  const std::string missing = terminal.path("none.sock");
  for (const Words& words : {Words{"--socket", missing, "--json", "status"},
                             Words{"status", "--json", "--socket", missing},
                             Words{"--json", "status", "--socket=" + missing}}) {
    EXPECT_EQ(terminal.run(words), 1);
    EXPECT_EQ(terminal.error()["code"], "unavailable");
    const std::string message = terminal.error()["message"];
    EXPECT_NE(message.find(missing), std::string::npos) << message;
  }
}

TEST(Usage, an_absent_agent_comes_with_the_way_to_start_it) {
  Terminal terminal;
  EXPECT_EQ(terminal.run({"status", "--socket", terminal.path("none.sock")}), 1);
  EXPECT_NE(terminal.err.str().find("systemctl start mesh-agent"), std::string::npos);
}

TEST(Usage, an_answer_that_cannot_be_written_is_a_failure) {
  Terminal terminal;
  terminal.out.setstate(std::ios::badbit);
  EXPECT_EQ(terminal.run({"completion", "bash"}), 1);
  EXPECT_NE(terminal.err.str().find("standard output"), std::string::npos);
}

TEST(Usage, keys_and_tokens_are_not_taken_for_each_other) {
  Terminal terminal;
  const std::string body(86, 'A');
  EXPECT_EQ(terminal.run({"up", "--key", "ma-" + body}), 1);
  EXPECT_NE(terminal.err.str().find("administrator token"), std::string::npos);
  EXPECT_EQ(terminal.run({"user", "list", "--server", "localhost:1", "--token", "mk-" + body}), 1);
  EXPECT_NE(terminal.err.str().find("join key"), std::string::npos);
}

// Rewritten by running the test with KERNMESH_WRITE_GOLDEN=1, which fails it.
TEST(Help, of_every_command_is_as_recorded) {
  const std::string path = MESH_SOURCE_DIR "/tests/unit/meshadm/help.golden";
  if (std::getenv("KERNMESH_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path) << help_of_everything();
    FAIL() << "wrote " << path;
  }
  std::ostringstream recorded;
  recorded << std::ifstream(path).rdbuf();
  EXPECT_EQ(help_of_everything(), recorded.str());
}

TEST(Help, is_printed_on_request_before_anything_is_checked) {
  Terminal terminal;
  EXPECT_EQ(terminal.run({"key", "create", "--help"}), 0);
  EXPECT_TRUE(terminal.out.str().starts_with("Usage: meshadm key create [OPTIONS]\n"));
  EXPECT_EQ(terminal.err.str(), "");
}

TEST(Complete, offers_what_the_tree_has_at_that_place) {
  Invocation invocation;
  CLI::App root;
  build_command_tree(root, invocation);
  Words asked;
  TargetOptions target;
  const NameSource names = [&](const std::string& type, const TargetOptions& options) {
    asked.push_back(type);
    target = options;
    return Words{"web-2", "web-1", "db-1"};
  };
  EXPECT_EQ(complete(root, {"no"}, names), Words{"node"});
  EXPECT_EQ(complete(root, {"key", ""}, names), (Words{"create", "list", "revoke"}));
  EXPECT_EQ(complete(root, {"acl", ""}, names), (Words{"explain", "show", "stats"}));
  EXPECT_EQ(complete(root, {"drops", "--f"}, names), Words{"--follow"});
  EXPECT_EQ(complete(root, {"key", "create", "--e"}, names), (Words{"--ephemeral", "--expires"}));
  EXPECT_EQ(complete(root, {"--json", "status", "--so"}, names), Words{"--socket"});
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(complete(root, {"--server", "a:1", "node", "show", "web"}, names),
            (Words{"web-1", "web-2"}));
  EXPECT_EQ(target.server, "a:1");
  EXPECT_EQ(complete(root, {"ping", "-c", "3", "d"}, names), Words{"db-1"});
  EXPECT_EQ(complete(root, {"node", "rename", "web-1", ""}, names), Words{}) << "a new name";
  EXPECT_EQ(complete(root, {"key", "create", "--user", "d"}, names), Words{"db-1"});
  EXPECT_EQ(complete(root, {"acl", "explain", "d"}, names), Words{"db-1"});
  EXPECT_EQ(asked, (Words{kNodeType, kPeerType, kUserType, kPeerType}));
}

}  // namespace
}  // namespace kernmesh::adm
