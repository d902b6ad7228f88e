// SPDX-License-Identifier: Apache-2.0
// Texts that are large or made to cost much: each is done with in time. The limit leaves room for
// sanitizers and a busy machine; what it catches is a cost that grows faster than the text.
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <string>
#include <string_view>

#include "tests/unit/core/policy/parsing.h"

namespace kernmesh::policy {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::chrono::seconds kLimit{60};
#else
constexpr std::chrono::seconds kLimit{2};
#endif

std::string repeated(std::string_view part, int times) {
  std::string text;
  text.reserve(part.size() * static_cast<std::size_t>(times));
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

// Thread CPU time, because other tests run beside this one.
std::chrono::nanoseconds cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

Parsed parsed_in_time(std::string_view text) {
  const auto start = cpu_time();
  Parsed result = parsed(text);
  EXPECT_LT(cpu_time() - start, kLimit);
  return result;
}

TEST(Limits, a_policy_of_10_mb_with_100000_rules) {
  const std::string rule =
      R"({"action": "accept", "src": ["group:dev", "10.1.2.0/24"], "dst": ["tag:web:22,80-443"]},)"
      "        // who and why\n";
  const Parsed result = parsed_in_time(with_tables("\"acls\": [" + repeated(rule, 100'000) + "]"));
  ASSERT_TRUE(result.document) << findings_of(result);
  EXPECT_EQ(result.document->rules.size(), 100'000U);
  EXPECT_EQ(result.document->rules.back().at, (Position{100'001, 1}));
}

TEST(Limits, a_text_beyond_the_largest) {
  const Parsed result = parsed_in_time(std::string(kMaxPolicyBytes + 1, ' '));
  EXPECT_EQ(findings_of(result),
            ": error: the policy has 16777217 bytes, at most 16777216 are read\n");
}

TEST(Limits, nesting_of_1000) {
  const Parsed result = parsed_in_time("{\"acls\": " + repeated("[", 1000) + "}");
  EXPECT_EQ(result.diagnostics.first_error().message, "nested more than 64 deep");
  EXPECT_EQ(result.diagnostics.first_error().at, (Position{1, 73}));
}

TEST(Limits, a_group_of_100000) {
  std::string members;
  for (int i = 0; i < 100'000; ++i) members += "\"user" + std::to_string(i) + "@example.com\",";
  const Parsed result = parsed_in_time("{\"groups\": {\"group:all\": [" + members + "]}}");
  ASSERT_TRUE(result.document);
  EXPECT_EQ(result.document->groups.at("group:all").members.size(), 100'000U);
}

TEST(Limits, lists_of_all_odd_ports) {
  std::string ports = "1";
  for (int port = 65535; port > 1; port -= 2) ports += "," + std::to_string(port);
  const std::string rule = R"({"action": "accept", "src": ["*"], "dst": ["*:)" + ports + "\"]},";
  const Parsed result = parsed_in_time("{\"acls\": [" + repeated(rule, 30) + "]}");
  ASSERT_TRUE(result.document);
  EXPECT_EQ(result.document->rules.front().dst.front().ports.size(), 32768U);
}

TEST(Limits, a_circle_of_100000_ipsets) {
  std::string sets;
  for (int i = 0; i < 100'000; ++i) {
    sets += "\"ipset:s" + std::to_string(i) + "\": [\"add ipset:s" +
            std::to_string((i + 1) % 100'000) + "\"],";
  }
  const Parsed result = parsed_in_time("{\"ipsets\": {" + sets + "}}");
  ASSERT_EQ(result.diagnostics.error_count(), 1U);
  EXPECT_EQ(result.diagnostics.first_error().message,
            "the ipset \"ipset:s0\" contains itself by way of \"ipset:s99999\"; ipsets may not be "
            "circular");
}

TEST(Limits, ipsets_that_branch_at_every_level) {
  std::string sets;
  for (int i = 0; i < 2000; ++i) {
    const std::string next = "\"add ipset:s" + std::to_string(i + 1) + "\",";
    sets += "\"ipset:s" + std::to_string(i) + "\": [" + next + next + "],";
  }
  const Parsed result = parsed_in_time("{\"ipsets\": {" + sets + "\"ipset:s2000\": []}}");
  EXPECT_TRUE(result.document) << findings_of(result);
}

TEST(Limits, a_million_keys_that_nobody_knows) {
  std::string keys;
  for (int i = 0; i < 1'000'000; ++i) keys += "\"k" + std::to_string(i) + "\":1,";
  const Parsed result = parsed_in_time("{" + keys + "}");
  EXPECT_EQ(result.diagnostics.findings().size(), Diagnostics::kMaxKept);
}

TEST(Limits, the_same_key_a_million_times) {
  const Parsed result = parsed_in_time("{" + repeated("\"acls\": [],", 1'000'000) + "}");
  EXPECT_EQ(result.diagnostics.findings().size(), Diagnostics::kMaxKept);
}

TEST(Limits, unknown_names_beside_many_known_ones) {
  std::string owners;
  std::string sources;
  for (int i = 0; i < 50'000; ++i) {
    owners += "\"tag:known" + std::to_string(i) + "\": [],";
    sources += "\"tag:unknown" + std::to_string(i) + "\",";
  }
  const Parsed result =
      parsed_in_time("{\"tagOwners\": {" + owners + "}, \"grants\": [{\"src\": [" + sources +
                     "], \"dst\": [\"*\"], \"ip\": [\"*\"]}]}");
  EXPECT_EQ(result.diagnostics.error_count(), 50'000U);
}

TEST(Limits, values_of_two_bytes) {
  for (const std::string_view part : {"1,", "[],", "{},", "\"\","}) {
    const Parsed result = parsed_in_time("{\"acls\": [" + repeated(part, 1'000'000) + "]}");
    EXPECT_FALSE(result.document);
  }
}

}  // namespace
}  // namespace kernmesh::policy
