// SPDX-License-Identifier: Apache-2.0
// Where something stands in a policy text, and what is wrong with it (L1, pure values).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kernmesh::policy {

// Both count from 1; columns count code points, as editors do. Line 0: no place in the text.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  auto operator<=>(const Position&) const = default;
};

// A string as it stands in the text.
struct Located {
  std::string text;
  Position at;
};

enum class Severity { kError, kWarning };

// What a rejection is for: a text that says something it may not, or tests of its own that fail.
enum class FindingKind { kValidation, kTests };

// `message` names the offending text and what would be right, without the place.
struct Finding {
  Severity severity = Severity::kError;
  FindingKind kind = FindingKind::kValidation;
  Position at;
  std::string message;
};

// What a reader, the parser, the checks and the tests of a policy found, in the order found.
class Diagnostics {
 public:
  // More errors than these are counted but not kept: nobody reads them, and a hostile text could
  // make as many as it has bytes.
  static constexpr std::size_t kMaxKept = 50;

  void error(Position at, std::string message, FindingKind kind = FindingKind::kValidation);
  void warning(Position at, std::string message);

  bool has_errors() const { return errors_ > 0; }
  std::size_t error_count() const { return errors_; }
  // Kept errors and warnings, sorted by place; at most kMaxKept of each severity.
  std::vector<Finding> findings() const;
  // The first error by place. Only when has_errors().
  const Finding& first_error() const;

 private:
  std::vector<Finding> kept_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

// "FILE:LINE:COLUMN: error: MESSAGE", one finding.
std::string to_string(const Finding& finding, std::string_view file);

// The text quoted for a message: control characters escaped, cut after 80 bytes.
std::string quoted(std::string_view text);

}  // namespace kernmesh::policy
