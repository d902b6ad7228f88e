// SPDX-License-Identifier: Apache-2.0
// When to ask a way because data that is sent on it meets silence (L1, pure). Conversations differ:
// what counts is that nothing has come back for much longer than it usually takes.
#pragma once

#include <optional>

#include "controller/base/clock.h"
#include "controller/core/path/timing.h"

namespace kernmesh::path {

class DataSilence {
 public:
  // A reading of when data was last sent and last came. True: it is time to ask; once for each
  // silence. round_trip: of the way, as far as it is known.
  bool on_reading(MonoTime last_tx, MonoTime last_rx, Duration round_trip);

 private:
  std::optional<MonoTime> last_rx_;
  Duration unanswered_{};       // how long data had left since last_rx_
  Duration usual_ = kPatience;  // the longest of those that were answered, fading
  bool asked_ = false;
};

}  // namespace kernmesh::path
