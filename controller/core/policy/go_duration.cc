// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/go_duration.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

using std::chrono::nanoseconds;

constexpr std::array kUnits = {
    std::pair<std::string_view, std::int64_t>{"ns", 1},
    std::pair<std::string_view, std::int64_t>{"us", 1'000},
    std::pair<std::string_view, std::int64_t>{"\u00b5s", 1'000},  // micro sign
    std::pair<std::string_view, std::int64_t>{"\u03bcs", 1'000},  // Greek mu
    std::pair<std::string_view, std::int64_t>{"ms", 1'000'000},
    std::pair<std::string_view, std::int64_t>{"s", 1'000'000'000},
    std::pair<std::string_view, std::int64_t>{"m", 60'000'000'000},
    std::pair<std::string_view, std::int64_t>{"h", 3'600'000'000'000},
};

// Far below 2^63 ns, so that a sum of two such values does not overflow.
constexpr std::int64_t kMost = 100LL * 366 * 24 * 3'600'000'000'000;

std::string_view take_digits(std::string_view& text) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_digit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

std::optional<std::int64_t> take_unit(std::string_view& text) {
  const auto* const end =
      std::find_if(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(name.size());
  for (const auto& [known, size] : kUnits) {
    if (known == name) return size;
  }
  return std::nullopt;
}

// One number and its unit, in nanoseconds, at most kMost.
std::optional<std::int64_t> take_term(std::string_view& text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const auto unit = take_unit(text);
  if (!unit) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : whole) {
    value = value * 10 + (c - '0');
    if (value > kMost / *unit) return std::nullopt;
  }
  value *= *unit;
  std::int64_t scale = *unit;
  for (const char c : fraction) {
    scale /= 10;
    value += scale * (c - '0');
  }
  return std::min(value, kMost);
}

}  // namespace

Result<nanoseconds> parse_go_duration(std::string_view text) {
  std::string_view rest = text;
  const bool is_negative = rest.starts_with('-');
  if (is_negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return nanoseconds{0};
  const Error bad(ErrorCode::kInvalid,
                  quoted(text) + " is not a duration; durations are written 12h, 90m or 1h30m");
  if (rest.empty()) return bad;
  std::int64_t sum = 0;
  while (!rest.empty()) {
    const auto term = take_term(rest);
    if (!term || sum + *term > kMost) return bad;
    sum += *term;
  }
  return nanoseconds{is_negative ? -sum : sum};
}

}  // namespace kernmesh::policy
