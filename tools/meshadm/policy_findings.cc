// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/policy_findings.h"

#include <algorithm>

#include "controller/core/policy/utf8.h"
#include "tools/meshadm/renderer.h"

namespace kernmesh::adm {
namespace {

using policy::Finding;
using policy::FindingKind;
using policy::Severity;

// Code points of a line that are shown: a policy on one line must not fill the terminal.
constexpr std::size_t kShownBefore = 60;
constexpr std::size_t kShown = 100;

std::vector<std::string> code_points(std::string_view line) {
  std::vector<std::string> points;
  while (!line.empty()) {
    const std::size_t length = std::max<std::size_t>(policy::code_point_length(line), 1);
    points.push_back(line[0] == '\t' ? " " : printable(line.substr(0, length)));
    line.remove_prefix(length);
  }
  return points;
}

void add_place(Document& document, const Finding& finding, std::string_view text, Tone tone) {
  const std::string_view line = line_at(text, finding.at.line);
  if (finding.at.line == 0 || line.find_first_not_of(" \t") == std::string_view::npos) return;
  const auto points = code_points(line);
  const std::size_t caret = std::min<std::size_t>(finding.at.column - 1, points.size());
  const std::size_t first = caret > kShownBefore ? caret - kShownBefore : 0;
  const std::size_t last = std::min(points.size(), first + kShown);
  std::string shown = first > 0 ? "…" : "", before = first > 0 ? " " : "";
  for (std::size_t i = first; i < last; ++i) {
    if (i < caret) before += std::string(display_width(points[i]), ' ');
    shown += points[i];
  }
  if (last < points.size()) shown += "…";
  std::string number = std::to_string(finding.at.line);
  number.insert(0, number.size() < 5 ? 5 - number.size() : 0, ' ');
  document.line(number + " | " + shown);
  document.blocks.emplace_back(
      Line{{{std::string(number.size(), ' ') + " | " + before, Tone::kPlain}, {"^", tone}}});
}

}  // namespace

Json findings_json(const Findings& findings) {
  Json list = Json::array();
  for (const auto& finding : findings) {
    const bool placed = finding.at.line > 0;
    list.push_back({{"severity", finding.severity == Severity::kError ? "error" : "warning"},
                    {"kind", finding.kind == FindingKind::kTests ? "tests" : "validation"},
                    {"line", placed ? Json(finding.at.line) : Json()},
                    {"column", placed ? Json(finding.at.column) : Json()},
                    {"message", finding.message}});
  }
  return list;
}

void add_findings(Document& document, const Findings& findings, const PolicyText& source) {
  for (const auto& finding : findings) {
    const bool error = finding.severity == Severity::kError;
    const Tone tone = error ? Tone::kBad : Tone::kWarn;
    std::string place = source.name;
    if (finding.at.line > 0) {
      place += ":" + std::to_string(finding.at.line) + ":" + std::to_string(finding.at.column);
    }
    document.blocks.emplace_back(Line{{{place + ": ", Tone::kStrong},
                                       {error ? "error: " : "warning: ", tone},
                                       {finding.message}}});
    add_place(document, finding, source.text, tone);
  }
}

std::string_view line_at(std::string_view text, std::uint32_t line) {
  for (std::uint32_t i = 1; i < line; ++i) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return text;
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string count_findings(std::size_t errors, const Findings& findings) {
  const auto warnings = static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [](const Finding& finding) { return finding.severity != Severity::kError; }));
  std::string text = errors > 0 ? counted(errors, "error") : "";
  if (warnings > 0) text += (text.empty() ? "" : ", ") + counted(warnings, "warning");
  return text;
}

Finding finding_from(const mesh::v1::PolicyFinding& message) {
  using mesh::v1::PolicyFinding;
  return {
      message.kind() == PolicyFinding::KIND_WARNING ? Severity::kWarning : Severity::kError,
      message.kind() == PolicyFinding::KIND_TESTS ? FindingKind::kTests : FindingKind::kValidation,
      {message.line(), message.column()},
      message.message()};
}

}  // namespace kernmesh::adm
