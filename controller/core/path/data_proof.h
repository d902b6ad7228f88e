// SPDX-License-Identifier: Apache-2.0
// Does WireGuard's data arrive on the direct way that is used (L1, pure)? A pong shows only that
// pings pass; a network may let them through and stop WireGuard. So a way is provisional until the
// peer says in a pong that data has come since the way is used, and barren when it keeps saying
// that none does though we send.
#pragma once

#include <optional>

#include "controller/base/clock.h"
#include "controller/core/path/command.h"
#include "controller/core/path/timing.h"

namespace kernmesh::path {

class DataProof {
 public:
  // From now on the way carries data.
  void begin(MonoTime now);
  // The peer's word on a ping that was sent then; last_tx: when we last sent data.
  void on_pong(MonoTime now, MonoTime ping_sent, std::optional<milliseconds> data_age,
               std::optional<MonoTime> last_tx);

  bool is_confirmed() const { return arrived_at_.has_value(); }
  bool is_barren(MonoTime now) const;

 private:
  MonoTime began_at_{};
  std::optional<MonoTime> arrived_at_;  // the latest that the peer told of
  std::optional<MonoTime> missed_since_;
  int missed_ = 0;  // pongs in a row that miss what we sent
};

}  // namespace kernmesh::path
