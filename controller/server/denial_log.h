// SPDX-License-Identifier: Apache-2.0
// Refused calls in the audit log and in the server's own, so many that an administrator sees them
// and so few that a flood does not fill the disk (L3, thread-safe).
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

#include "controller/server/wall_clock.h"
#include "controller/store/store.h"

namespace kernmesh::server {

// So many at once, and one a minute after that: at most 1,500 entries, some 400 kB, a day for each
// kind. The next entry says how many were left out before it.
inline constexpr std::uint32_t kDenialBurst = 60;
inline constexpr auto kDenialInterval = std::chrono::minutes(1);

class DenialLog {
 public:
  // Kinds of callers, each with an allowance of its own: strangers must not hide what somebody with
  // a token tries.
  enum class By : std::uint8_t { kStranger, kKnown };

  // The store outlives it.
  DenialLog(store::Store& store, WallClock clock) : store_(store), clock_(std::move(clock)) {}
  // Writes the event, or counts it. The store's errors are logged.
  void note(By by, store::AuditEvent event);
  // A line of the server's log, or counts it. With an allowance of its own, so that refusals which
  // are no event do not hide those that are.
  void warn(By by, std::string line);

 private:
  struct Allowance {
    std::uint32_t left = kDenialBurst;
    WallTime refilled{};
    std::uint64_t left_out = 0;
  };
  using Allowances = std::array<Allowance, 2>;  // by By
  // Adds to `text` how many were left out before it. False when it is one of those itself.
  bool take(Allowance& allowance, WallTime now, std::string& text);

  store::Store& store_;
  WallClock clock_;
  std::mutex mutex_;
  Allowances events_;  // guarded by mutex_, as the next
  Allowances lines_;
};

}  // namespace kernmesh::server
