// SPDX-License-Identifier: Apache-2.0
// When to tell a peer, through a relay, where it may find us, and how often to listen to such a
// call (L1, pure). Both sides then probe at once, which opens the NATs between them.
#pragma once

#include <optional>

#include "controller/base/clock.h"
#include "controller/core/path/timing.h"
#include "controller/core/path/token_bucket.h"

namespace kernmesh::path {

class Calling {
 public:
  // Calls now, and again in case that is lost.
  void begin(MonoTime now);
  // The peer has called: one call in reply, unless it has heard ours a short while ago.
  void answer(MonoTime now);
  void stop() { next_.reset(); }
  void on_sent(MonoTime now);
  std::optional<MonoTime> next() const { return next_; }

  // False: the peer calls too often.
  bool may_listen(MonoTime now) { return heard_.take(now); }

 private:
  std::optional<MonoTime> next_;
  std::optional<MonoTime> last_sent_;
  int left_ = 0;
  TokenBucket heard_{kCallsHeardPerSecond, kCallsHeardBurst};
};

}  // namespace kernmesh::path
