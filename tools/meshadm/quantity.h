// SPDX-License-Identifier: Apache-2.0
// Spans, times and sizes as people write and read them (pure).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace kernmesh::adm {

// "90s", "30m", "24h", "7d", "2w" and sums of them ("1h30m"), each unit at most once and the larger
// first; at most ten years. A bare number is refused, because its unit would be a guess.
Result<std::chrono::seconds> parse_span(std::string_view text);
// What is wrong with it as a span, nothing when it is one: as CLI11 asks.
std::string check_span(const std::string& text);

// What is wrong with it as a number of something that is counted from one (an id, a revision);
// nothing when it is one. CLI11 alone would take 0, octal and hexadecimal.
std::string check_number(const std::string& text);

// "45 s", "3 min", "2 h", "5 days": one unit, rounded down, never negative.
std::string format_span(std::chrono::seconds span);
// "2 h ago", "in 3 days", "now" within a second either way.
std::string format_relative(WallTime time, WallTime now);

// "0.85 ms", "1.8 ms", "142 ms", "2.1 s": two significant digits at least.
std::string format_latency(std::chrono::microseconds latency);

// "0 B", "999 B", "1.2 KiB", "35 MiB": powers of 1,024.
std::string format_bytes(std::uint64_t bytes);

}  // namespace kernmesh::adm
