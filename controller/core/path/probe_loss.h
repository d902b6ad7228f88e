// SPDX-License-Identifier: Apache-2.0
// How many of the probes on the way in use stay without an answer (L1, pure): of those sent within
// the last two minutes, at most 64. A probe counts once it was answered or given up, so a loss
// shows five seconds late. Not thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "controller/base/clock.h"

namespace kernmesh::path {

class ProbeLoss {
 public:
  enum class Fate : std::uint8_t { kAnswered, kLost };

  void add(MonoTime now, MonoTime sent_at, Fate fate);
  // Another way is in use.
  void clear() { probes_.clear(); }
  // 0 to 1; none when no probe of the last two minutes has had its fate.
  std::optional<double> share(MonoTime now) const;

 private:
  struct Probe {
    MonoTime sent_at;
    Fate fate;
  };
  std::vector<Probe> probes_;  // in the order of their fates
};

}  // namespace kernmesh::path
