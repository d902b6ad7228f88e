// SPDX-License-Identifier: Apache-2.0
// How long a TLS connection has been without a bound client, in all (L1, pure). Times of before and
// after a client are added up, so that one client that goes to and fro cannot keep many.
#pragma once

#include <optional>

#include "controller/base/clock.h"

namespace kernmesh::relay {

// A client binds within two round trips after the handshake, and one that has moved listens to the
// connection that it left for 10 s (docs/adr/0011).
inline constexpr auto kMostStrangerTime = std::chrono::seconds(15);

class StrangerTime {
 public:
  // Nobody is bound by it from now on; nothing changes when nobody was.
  void begin(MonoTime now) {
    if (!since_) since_ = now;
  }
  // A client is bound by it; nothing changes when one was.
  void end(MonoTime now);
  bool is_used_up(MonoTime now) const { return spent(now) >= kMostStrangerTime; }

 private:
  Duration spent(MonoTime now) const { return since_ ? before_ + (now - *since_) : before_; }

  std::optional<MonoTime> since_;
  Duration before_{};  // what earlier times add up to
};

}  // namespace kernmesh::relay
