// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/clock_guard.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <utility>

namespace kernmesh::agent {

void ClockGuard::read(MonoTime mono, WallTime wall) {
  if (!std::exchange(is_compared_, true)) compare_with_mark(wall);
  const auto step = steps_.read(mono, wall);
  if (step && step->count() < 0) {
    spdlog::warn("the clock went back by {} s", -step->count());
    went_back_ = true;
  }
  // The mark stays ahead until it is forgiven, so that an agent that starts meanwhile knows, too.
  if (went_back_ || mono < mark_at_) return;
  mark_at_ = mono + kMarkInterval;
  const timespec time{wall.time_since_epoch().count(), 0};
  const timespec times[] = {time, time};
  (void)utimensat(AT_FDCWD, mark_.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

void ClockGuard::compare_with_mark(WallTime wall) {
  struct stat info;
  if (lstat(mark_.c_str(), &info) != 0) return;
  const auto back = WallTime(std::chrono::seconds(info.st_mtim.tv_sec)) - wall;
  if (back < topology::kNotableStep) return;
  spdlog::warn("the clock is {} s behind the time at which an agent ran here", back.count());
  went_back_ = true;
}

void ClockGuard::forgive() {
  went_back_ = false;
  mark_at_ = {};
}

}  // namespace kernmesh::agent
