// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/policy_lease.h"

#include <algorithm>

#include "controller/agent/file.h"
#include "controller/agent/saved_state.h"

namespace kernmesh::agent {
namespace {

// Ended before the machine started; 0 would be "never".
constexpr MonoTime kEnded{std::chrono::nanoseconds(1)};

}  // namespace

MonoTime lease_end(Duration max_age, WallTime last_heard, const ClockReading& now) {
  if (max_age == Duration{}) return {};
  const Duration age = now.wall - last_heard;
  if (age < Duration{} || age >= max_age) return kEnded;
  return now.mono + (max_age - age);
}

PolicyLease::PolicyLease(Duration max_age, const std::string& state_dir, const ClockReading& now)
    : max_age_(max_age), path_(state_dir + kHeardFile) {
  // The netmap came from the server, too.
  const WallTime heard = std::max(file_time(path_), file_time(state_dir + kNetmapFile));
  end_ = lease_end(max_age_, heard, now);
}

Status PolicyLease::renew(const ClockReading& now) {
  if (max_age_ == Duration{}) return {};
  end_ = now.mono + max_age_;
  if (now.mono < next_write_) return {};
  next_write_ = now.mono + std::min<Duration>(std::chrono::minutes(1), max_age_ / 10);
  return touch_file(path_);
}

}  // namespace kernmesh::agent
