// SPDX-License-Identifier: Apache-2.0
// Notices when the clock of the wall steps (L1, pure).
#pragma once

#include <optional>

#include "controller/base/clock.h"

namespace kernmesh::topology {

// WireGuard repeats a handshake after 5 s: a step back by less is over before anybody notices.
inline constexpr auto kNotableStep = std::chrono::seconds(10);

class ClockStep {
 public:
  // How far the clock has stepped since the last reading, beyond what has passed by the monotonic
  // one: negative is back. Nothing for less than kNotableStep, which drift and reading one after
  // the other may come to, and for the first reading.
  std::optional<std::chrono::seconds> read(MonoTime mono, WallTime wall);

 private:
  struct Reading {
    MonoTime mono;
    WallTime wall;
  };
  std::optional<Reading> last_;
};

}  // namespace kernmesh::topology
