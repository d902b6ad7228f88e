// SPDX-License-Identifier: Apache-2.0
// Durations as the reference language writes them: "1h30m", "0.5s", "168h" (L1, pure).
#pragma once

#include <chrono>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::policy {

// The form of Go's time.ParseDuration: an optional sign, then numbers with a fraction and a unit
// (ns, us, µs, ms, s, m, h) each; "0" alone. kInvalid for everything else and beyond a century.
Result<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

}  // namespace kernmesh::policy
