// SPDX-License-Identifier: Apache-2.0
// A client's requests that await their answers (L1, pure): when to send each again, and which of
// them an answer belongs to. A repeated request has a sequence number of its own, since the relay
// drops what it has seen.
#pragma once

#include <optional>
#include <vector>

#include "controller/base/clock.h"
#include "controller/core/relay/exchange.h"

namespace kernmesh::relay {

// An answer takes a round trip; half a second is far above a sane one. Tries that leave a loss of
// 30 % each way one chance in a hundred: doubt after 1.5 s, loss after 5.
inline constexpr Duration kRequestPatience = std::chrono::milliseconds(500);
inline constexpr int kDoubtfulTries = 3;
inline constexpr int kMostTries = 7;

class RequestQueue {
 public:
  struct Entry {
    RequestType type = RequestType::kBind;
    DiscoPublicKey peer;              // of open and close; else zero
    std::vector<Sequence> sequences;  // of the last few times that it was sent
    MonoTime next_try{};
    int tries = 0;

    void on_sent(MonoTime now);
  };

  // Once only for a type and peer.
  void add(MonoTime now, RequestType type, const DiscoPublicKey& peer);
  void remove(RequestType type, const DiscoPublicKey& peer = {});
  // Takes out the one that an answer with that number answers.
  std::optional<Entry> take(Sequence sequence);
  // Those that have been sent are due again: the relay has not taken them.
  void send_again(MonoTime now);
  void clear() { entries_.clear(); }

  std::vector<Entry>& entries() { return entries_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace kernmesh::relay
