// SPDX-License-Identifier: Apache-2.0
// Two kinds of time that must not be mixed (L0). core takes readings as values; only shells read
// clocks.
#pragma once

#include <chrono>

namespace kernmesh {

// CLOCK_BOOTTIME: never steps, goes on during suspend. For timers, deadlines, ages.
struct MonoClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoClock>;
  static constexpr bool is_steady = true;
};
using MonoTime = MonoClock::time_point;
using Duration = std::chrono::nanoseconds;

// Seconds since 1970 (UTC). For expiry and what people read. May step.
using WallTime = std::chrono::sys_seconds;

}  // namespace kernmesh
