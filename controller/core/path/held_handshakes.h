// SPDX-License-Identifier: Apache-2.0
// WireGuard's handshake messages that found no path, or a new one (L1, sans-IO): kept until there
// is one, and sent then and again while nothing comes back, where WireGuard itself would try again
// only 5 s after the first time. Single-threaded.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/clock.h"
#include "controller/base/ids.h"

namespace kernmesh::path {

class HeldHandshakes {
 public:
  static constexpr std::size_t kMost = 1024;  // peers, about 200 KiB; of more the oldest are lost

  // An initiation or a response to the peer, in place of the one before.
  void hold(MonoTime now, NodeId peer, Bytes message);
  // The same of one that has left already.
  void repeat(MonoTime now, NodeId peer, Bytes message);
  // There is a way now. Of no effect when nothing is held, or when that was said before.
  void on_path(MonoTime now, NodeId peer);
  void drop(NodeId peer) { held_.erase(peer); }

  struct Message {
    NodeId peer;
    Bytes bytes;
    bool is_first;  // of all its copies
  };
  // What to send now. `last_heard`: when anything of the peer's WireGuard came last. Once that is
  // after the first copy, there is no other; while the first one waits it may be the peer's own
  // handshake, which is given a moment to be answered: that answer takes this one's place.
  // `has_way`: whether a copy would leave now; one that would not waits for on_path() and is none.
  struct Peers {
    std::function<std::optional<MonoTime>(NodeId)> last_heard;
    std::function<bool(NodeId)> has_way;
  };
  std::vector<Message> take_due(MonoTime now, const Peers& peers);
  std::optional<MonoTime> next_deadline() const;

 private:
  struct Held {
    Bytes message;
    MonoTime since{};
    MonoTime sent_first{};
    bool was_put_off = false;
    std::optional<MonoTime> due;  // none: no way yet
    std::size_t sent = 0;
  };
  std::map<NodeId, Held> held_;
};

}  // namespace kernmesh::path
