// SPDX-License-Identifier: Apache-2.0
// Binding requests that await their answers (L1, pure; the caller brings clock and randomness).
// Only an answer to a request of ours, from where that request went, in time, says anything.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ip.h"
#include "controller/core/path/random_stream.h"
#include "controller/core/stun/message.h"

namespace kernmesh::stun {

// What one server said of this node's public port.
struct Observation {
  Endpoint server;
  Endpoint mapped;
  Duration round_trip{};
};

enum class Refusal : std::uint8_t {
  kMalformed,  // not an answer
  kUnmatched,  // answers nothing that waits, or comes from elsewhere
  kError,      // the server will not say
};

class Transactions {
 public:
  static constexpr std::size_t kMost = 64;  // the oldest is forgotten
  static constexpr Duration kTimeout = std::chrono::seconds(3);

  // The request to send to the server.
  Bytes ask(MonoTime now, const Endpoint& server, path::RandomStream& random);
  std::variant<Observation, Refusal> on_datagram(MonoTime now,
                                                 std::span<const std::uint8_t> datagram,
                                                 const Endpoint& source);
  std::size_t waiting(MonoTime now);
  void forget() { waiting_.clear(); }

 private:
  struct Waiting {
    TransactionId tx{};
    Endpoint server;
    MonoTime sent_at{};
  };
  std::vector<Waiting> waiting_;  // in the order of sending
};

}  // namespace kernmesh::stun
