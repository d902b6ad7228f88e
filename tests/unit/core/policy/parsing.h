// SPDX-License-Identifier: Apache-2.0
// Policies as the tests write them, and what parse() says of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/policy/parse.h"

namespace kernmesh::policy {

struct Parsed {
  std::optional<Document> document;
  Diagnostics diagnostics;
};

inline Parsed parsed(std::string_view text) {
  Parsed result;
  result.document = parse(text, result.diagnostics);
  return result;
}

// "LINE:COLUMN: error: MESSAGE" of each finding, one a line.
inline std::string findings_of(const Parsed& result) {
  std::string text;
  for (const Finding& finding : result.diagnostics.findings()) {
    text += to_string(finding, "") + "\n";
  }
  return text;
}

// What many tests need defined; no newline, so that columns after it are its length further.
inline constexpr std::string_view kTables =
    R"("groups":{"group:dev":["ada@example.com"]},"tagOwners":{"tag:web":[],"tag:db":[]},)"
    R"("hosts":{"files":"10.0.0.5"},"ipsets":{"ipset:lan":["add 10.0.0.0/8"]},)"
    R"("postures":{"posture:linux":["node:os == 'linux'"]},)";

// A policy with the tables in its first line and `rest` in its second.
inline std::string with_tables(std::string_view rest) {
  return "{" + std::string(kTables) + "\n" + std::string(rest) + "}";
}

}  // namespace kernmesh::policy
