// SPDX-License-Identifier: Apache-2.0
// For how long the policy in force may be used when the server is not heard any more (L3). The
// programs in the kernel keep to it, also when no agent runs. Single-threaded.
#pragma once

#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace kernmesh::agent {

// The server says at least every 20 s that it is there (server/watch_source.h); a lease of less
// than three of these would end by accident.
inline constexpr auto kShortestPolicyAge = std::chrono::seconds(60);

// Both clocks, read at one moment.
struct ClockReading {
  MonoTime mono{};
  WallTime wall{};
};

// From when on everything is dropped. A server last heard in the future, by a clock that was set
// back since, counts as never heard.
MonoTime lease_end(Duration max_age, WallTime last_heard, const ClockReading& now);

class PolicyLease {
 public:
  // max_age 0: the policy never gets too old, and nothing is written. When the server was last
  // heard is the time of a file of the state directory, so that neither a restart nor a reboot
  // begins the lease anew.
  PolicyLease(Duration max_age, const std::string& state_dir, const ClockReading& now);

  // 0: never.
  MonoTime end() const { return end_; }
  bool has_ended(MonoTime now) const { return max_age_ != Duration{} && now >= end_; }
  // The server was heard, and what is in force is what it wants. An error means that a restart may
  // find the lease shorter than it is.
  Status renew(const ClockReading& now);

 private:
  Duration max_age_;
  std::string path_;
  MonoTime end_{};
  MonoTime next_write_{};
};

}  // namespace kernmesh::agent
