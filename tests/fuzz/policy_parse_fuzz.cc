// SPDX-License-Identifier: Apache-2.0
// Policy files as anybody may send them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controller/core/policy/hujson.h"
#include "controller/core/policy/parse.h"

using namespace kernmesh::policy;

namespace {

bool is_within(Position at, std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  return at.line <= lines && at.column <= text.size() + 1 && (at.line == 0) == (at.column == 0);
}

void expect(bool holds) {
  if (!holds) std::abort();
}

// Compact text is read as the same tree, so that it prints the same.
void expect_stable_json(std::string_view text) {
  Diagnostics diagnostics;
  const auto tree = JsonTree::read(text, diagnostics);
  if (!tree) return expect(diagnostics.has_errors());
  const std::string once = to_json(tree->root());
  Diagnostics again;
  const auto reread = JsonTree::read(once, again);
  expect(reread && to_json(reread->root()) == once);
  expect(again.has_errors() == diagnostics.has_errors());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics;
  const auto document = parse(text, diagnostics);
  expect(document.has_value() == !diagnostics.has_errors());
  for (const Finding& finding : diagnostics.findings()) expect(is_within(finding.at, text));
  if (document) {
    for (const Rule& rule : document->rules) {
      expect(rule.at.line > 0 && is_within(rule.at, text));
      expect(rule.origin == RuleOrigin::kAcl ? rule.services.size() == 1
                                             : !rule.services.empty() || !rule.app.empty());
    }
  }
  expect_stable_json(text);
  return 0;
}
