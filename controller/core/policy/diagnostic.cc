// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/diagnostic.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "controller/core/policy/utf8.h"

namespace kernmesh::policy {
namespace {

constexpr std::size_t kMaxQuotedBytes = 80;

std::string as_hex(unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

bool is_error(const Finding& finding) { return finding.severity == Severity::kError; }
bool earlier(const Finding& a, const Finding& b) { return a.at < b.at; }

}  // namespace

void Diagnostics::error(Position at, std::string message, FindingKind kind) {
  if (errors_++ < kMaxKept) kept_.push_back({Severity::kError, kind, at, std::move(message)});
}

void Diagnostics::warning(Position at, std::string message) {
  if (warnings_++ < kMaxKept) {
    kept_.push_back({Severity::kWarning, FindingKind::kValidation, at, std::move(message)});
  }
}

std::vector<Finding> Diagnostics::findings() const {
  std::vector<Finding> sorted = kept_;
  std::stable_sort(sorted.begin(), sorted.end(), earlier);
  return sorted;
}

const Finding& Diagnostics::first_error() const {
  assert(has_errors());
  auto first = std::find_if(kept_.begin(), kept_.end(), is_error);
  for (auto next = first; next != kept_.end(); ++next) {
    if (is_error(*next) && earlier(*next, *first)) first = next;
  }
  return *first;
}

std::string to_string(const Finding& finding, std::string_view file) {
  std::string text(file);
  if (finding.at.line > 0) {
    text += ":" + std::to_string(finding.at.line) + ":" + std::to_string(finding.at.column);
  }
  text += finding.severity == Severity::kError ? ": error: " : ": warning: ";
  return text + finding.message;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = code_point_length(text.substr(at));
    if (at + std::max<std::size_t>(length, 1) > kMaxQuotedBytes) return result + "...\"";
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      result += as_hex(byte);
      ++at;
      continue;
    }
    if (byte == '"' || byte == '\\') result += '\\';
    result += text.substr(at, length);
    at += length;
  }
  return result + "\"";
}

}  // namespace kernmesh::policy
