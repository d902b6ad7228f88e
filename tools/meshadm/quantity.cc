// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/quantity.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace kernmesh::adm {
namespace {

using std::chrono::seconds;

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr std::array kUnits{Unit{'w', 604'800}, Unit{'d', 86'400}, Unit{'h', 3'600}, Unit{'m', 60},
                            Unit{'s', 1}};
constexpr std::int64_t kMostSeconds = std::int64_t{3'653} * 86'400;  // ten years

Error not_a_span(std::string_view text) {
  return {ErrorCode::kInvalid, "\"" + std::string(text.substr(0, 40)) +
                                   "\" is not a span of time: write 90s, 30m, 24h, 7d, 2w or "
                                   "1h30m"};
}

std::string one_decimal_below_ten(double value, const char* unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f %s" : "%.0f %s", value, unit);
  return text.data();
}

}  // namespace

Result<seconds> parse_span(std::string_view text) {
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (error != std::errc{} || count < 0 || rest.empty()) return not_a_span(text);
    while (next_unit < kUnits.size() && kUnits[next_unit].letter != rest.front()) ++next_unit;
    if (next_unit == kUnits.size()) return not_a_span(text);
    const std::int64_t unit = kUnits[next_unit++].seconds;
    if (count > (kMostSeconds - total) / unit) {
      return Error(ErrorCode::kInvalid,
                   "\"" + std::string(text.substr(0, 40)) + "\" is longer than ten years");
    }
    total += count * unit;
    rest.remove_prefix(1);
  }
  if (total == 0) return not_a_span(text);
  return seconds(total);
}

std::string check_span(const std::string& text) {
  const auto span = parse_span(text);
  return span ? "" : span.error().message();
}

std::string check_number(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const bool is_one = error == std::errc() && rest == end && text.front() != '0';
  return is_one ? "" : "\"" + text.substr(0, 40) + "\" is no number from 1";
}

std::string format_span(seconds span) {
  const std::int64_t count = span.count() < 0 ? 0 : span.count();
  if (count < 60) return std::to_string(count) + " s";
  if (count < 3'600) return std::to_string(count / 60) + " min";
  if (count < 172'800) return std::to_string(count / 3'600) + " h";
  return std::to_string(count / 86'400) + " days";
}

std::string format_relative(WallTime time, WallTime now) {
  const seconds ahead = time - now;
  if (std::abs(ahead.count()) <= 1) return "now";
  return ahead.count() > 0 ? "in " + format_span(ahead) : format_span(-ahead) + " ago";
}

std::string format_latency(std::chrono::microseconds latency) {
  const double ms = static_cast<double>(latency.count()) / 1000.0;
  if (ms >= 1000) return one_decimal_below_ten(ms / 1000, "s");
  if (ms >= 0.995) return one_decimal_below_ten(ms, "ms");
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.2f ms", ms);
  return text.data();
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array kNames{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  return one_decimal_below_ten(value, kNames[unit]);
}

}  // namespace kernmesh::adm
