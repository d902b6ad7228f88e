// SPDX-License-Identifier: Apache-2.0
// policy diff as it is printed: what a small change says, and how much a large one.
#include <gtest/gtest.h>

#include "tests/unit/meshadm/in_process.h"

namespace kernmesh::adm {
namespace {

constexpr const char* kDiffNetwork = R"({"users": [{"name": "ada", "email": "ada@example.com"}],
  "nodes": [{"name": "ada-1", "user": "ada", "ipv4": "100.64.0.1", "ipv6": "fd7a:115c:a1e0::1"},
            {"name": "web-1", "tags": ["tag:web"], "ipv4": "100.64.0.2", "ipv6": "fd7a:115c:a1e0::2"}]})";

// Many differences: each address has a port of its own.
std::string many_hosts(int count, int first_port) {
  std::string text = R"({"tagOwners": {"tag:web": []}, "acls": [)";
  for (int i = 0; i < count; ++i) {
    text += R"({"action": "accept", "proto": "tcp", "src": ["ada@example.com"], "dst": ["10.0.)" +
            std::to_string(i / 250) + "." + std::to_string(i % 250) + ":" +
            std::to_string(first_port + i) + "\"]},\n";
  }
  return text + "]}";
}

class PolicyDiff : public testing::Test {
 protected:
  int diff(const std::string& before, const std::string& after, bool json = false) {
    std::vector<std::string> words{"policy",
                                   "diff",
                                   terminal.write("before.hujson", before),
                                   terminal.write("after.hujson", after),
                                   "--inventory",
                                   terminal.write("network.json", kDiffNetwork)};
    if (json) words.emplace_back("--json");
    return terminal.run(words);
  }
  std::ptrdiff_t lines_with(char first) const {
    const std::string text = "\n" + terminal.out.str();
    std::ptrdiff_t count = 0;
    for (std::size_t i = 0; i + 1 < text.size(); ++i)
      count += text[i] == '\n' && text[i + 1] == first;
    return count;
  }
  Terminal terminal;
};

TEST_F(PolicyDiff, of_a_grant_tells_packets_ways_capabilities_and_logins) {
  const std::string before = R"({"tagOwners": {"tag:web": []}, "acls": []})";
  const std::string after = R"({"tagOwners": {"tag:web": []}, "grants": [
      {"src": ["ada@example.com"], "dst": ["tag:web"], "ip": ["tcp:443"],
       "app": {"example.com/cap/files": [1]}},
      {"src": ["ada@example.com"], "dst": ["10.0.0.0/24"], "ip": ["tcp:80"], "via": ["tag:web"]}],
    "ssh": [{"action": "check", "src": ["ada@example.com"], "dst": ["tag:web"],
             "users": ["root"], "checkPeriod": "1h"}]})";
  ASSERT_EQ(diff(before, after), 0) << terminal.err.str();
  EXPECT_EQ(terminal.out.str(),
            "+ ada@example.com -> 10.0.0.0/24 tcp/80 via tag:web (IPv4 only)\n"
            "+ ada@example.com -> tag:web tcp/443\n"
            "+ ada@example.com -> tag:web SSH as root after a check every 3600 s\n"
            "+ ada@example.com -> tag:web capability example.com/cap/files "
            "[1]\n");
}

TEST_F(PolicyDiff, of_everything_is_a_page_and_a_count_and_whole_in_json) {
  const std::string before = many_hosts(100, 1'000), after = many_hosts(300, 20'000);
  ASSERT_EQ(diff(before, after), 0) << terminal.err.str();
  EXPECT_EQ(lines_with('+'), 40);
  EXPECT_EQ(lines_with('-'), 40);
  EXPECT_NE(terminal.out.str().find("and 260 more that it allows, 60 that it denies"),
            std::string::npos)
      << terminal.out.str();
  ASSERT_EQ(diff(before, after, /*json=*/true), 0);
  EXPECT_EQ(terminal.json()["differences"].size(), 400U);
}

}  // namespace
}  // namespace kernmesh::adm
