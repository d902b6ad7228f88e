// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/diagnostic.h"

#include <gtest/gtest.h>

#include <string>

namespace kernmesh::policy {
namespace {

TEST(Diagnostics, findings_are_sorted_by_place_and_errors_are_counted_beyond_what_is_kept) {
  Diagnostics diagnostics;
  EXPECT_FALSE(diagnostics.has_errors());
  diagnostics.warning({1, 1}, "early");
  for (std::uint32_t i = 0; i < 100; ++i) diagnostics.error({200 - i, 1}, "e");
  EXPECT_EQ(diagnostics.error_count(), 100U);
  const auto findings = diagnostics.findings();
  ASSERT_EQ(findings.size(), Diagnostics::kMaxKept + 1);
  EXPECT_EQ(findings.front().severity, Severity::kWarning);
  EXPECT_EQ(findings[1].at, (Position{151, 1}));
  EXPECT_EQ(findings.back().at, (Position{200, 1}));
  EXPECT_EQ(diagnostics.first_error().at, (Position{151, 1}));
}

TEST(Diagnostics, a_finding_names_file_and_place) {
  EXPECT_EQ(to_string(Finding{Severity::kError, FindingKind::kTests, {3, 14}, "wrong"}, "acl.json"),
            "acl.json:3:14: error: wrong");
  EXPECT_EQ(to_string(Finding{Severity::kWarning, FindingKind::kValidation, {}, "odd"}, "acl.json"),
            "acl.json: warning: odd");
}

TEST(Quoted, escapes_what_would_change_a_terminal_and_cuts_what_is_long) {
  EXPECT_EQ(policy::quoted("tag:web"), "\"tag:web\"");
  EXPECT_EQ(policy::quoted("a\x1b[0m\n"), "\"a\\x1b[0m\\x0a\"");
  EXPECT_EQ(policy::quoted("a\"b\\"), "\"a\\\"b\\\\\"");
  EXPECT_EQ(policy::quoted("\xff\u00e9"), "\"\\xff\u00e9\"");
  EXPECT_EQ(policy::quoted(std::string(80, 'x')), "\"" + std::string(80, 'x') + "\"");
  EXPECT_EQ(policy::quoted(std::string(79, 'x') + "\u00e9"), "\"" + std::string(79, 'x') + "...\"");
}

}  // namespace
}  // namespace kernmesh::policy
