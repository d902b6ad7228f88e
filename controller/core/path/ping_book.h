// SPDX-License-Identifier: Apache-2.0
// The pings of one peer in both directions (L1, pure): ours that await an answer, and the peer's
// that were seen, so that a copy of one is known as such.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "controller/core/path/command.h"
#include "controller/core/path/timing.h"

namespace kernmesh::path {

struct OutstandingPing {
  TransactionId tx{};
  Way to;
  DiscoPublicKey sealed_for;
  MonoTime sent_at{};
  PingRequestId request;       // 0: nobody waits for it
  std::uint32_t measures = 0;  // the size of a message that it is padded to; 0: it is not
};

class PingBook {
 public:
  // Bounded: forgets the oldest.
  void add(const OutstandingPing& ping);
  // The ping that a pong answers: same transaction, from where it went, under its key, in time.
  std::optional<OutstandingPing> take(const TransactionId& tx, const Way& from,
                                      const DiscoPublicKey& key, MonoTime now);
  struct Expired {
    std::vector<PingRequestId> requests;  // of which this was the last ping
    std::vector<OutstandingPing> pings;
  };
  Expired expire(MonoTime now);
  void close_request(PingRequestId request);
  std::size_t open_requests() const;
  // When the next ping that somebody waits for times out.
  std::optional<MonoTime> next_expiry() const;
  // Those that nobody waits for.
  void forget_probes();

  // False when it was seen among the last kRememberedPings.
  bool is_new_from_peer(const TransactionId& tx);

 private:
  std::vector<OutstandingPing> pings_;  // in the order of sending
  std::vector<TransactionId> seen_;     // a ring
  std::size_t next_seen_ = 0;
};

}  // namespace kernmesh::path
