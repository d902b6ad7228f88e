// SPDX-License-Identifier: Apache-2.0
// Policy text to syntax tree (L1, pure). Every error that needs nothing but the text is found here,
// as many at once as there are: see docs/policy.md for the language.
#pragma once

#include <optional>
#include <string_view>

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"

namespace kernmesh::policy {

// Longest text taken, and deepest nesting. 10 MB hold 100,000 rules; a policy nests five deep, app
// values deeper.
inline constexpr std::size_t kMaxPolicyBytes = 16 * 1024 * 1024;
inline constexpr std::size_t kMaxNesting = 64;

// The tree, or nothing when `diagnostics` has errors afterwards. Time and memory are proportional
// to the text.
std::optional<Document> parse(std::string_view text, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
