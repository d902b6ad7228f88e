// SPDX-License-Identifier: Apache-2.0
// Whether the clock of the wall went back since this node's key came into use (L3;
// single-threaded): peers refuse handshakes whose time (TAI64N) is before the last one's, but only
// under the same key. Steps are seen while the agent runs; what came to pass while none ran,
// against the latest time that an agent has seen. That time is when the state directory's `lock`
// was changed, so no other file is written for it.
#pragma once

#include <string>

#include "controller/base/clock.h"
#include "controller/core/topology/clock_step.h"

namespace kernmesh::agent {

// A clock that goes back by less than this while no agent runs may not be noticed; WireGuard is
// refused for no longer then.
inline constexpr auto kMarkInterval = std::chrono::minutes(1);

class ClockGuard {
 public:
  // `state_dir` as prepare_state_dir() left it.
  explicit ClockGuard(const std::string& state_dir) : mark_(state_dir + "/lock") {}

  // To be called often; looks at the disk once, and writes to it once in kMarkInterval. A mark that
  // cannot be written is not told: the directory's other files say so.
  void read(MonoTime mono, WallTime wall);
  bool went_back() const { return went_back_; }
  // A new key stands for it from now on.
  void forgive();

 private:
  void compare_with_mark(WallTime wall);

  const std::string mark_;
  topology::ClockStep steps_;
  bool went_back_ = false;
  bool is_compared_ = false;
  MonoTime mark_at_{};
};

}  // namespace kernmesh::agent
