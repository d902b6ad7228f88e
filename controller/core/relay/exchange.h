// SPDX-License-Identifier: Apache-2.0
// What a client asks of a relay, and what the relay says (L1, pure; docs/adr/0009). How it looks on
// the wire: message.h.
#pragma once

#include <chrono>
#include <string_view>
#include <variant>

#include "controller/base/ip.h"
#include "controller/base/key.h"
#include "controller/core/relay/data_header.h"
#include "controller/core/relay/ticket.h"

namespace kernmesh::relay {

// Rises with every request of a client, over its restarts as well: its clock in microseconds, or
// one more than the last. A clock that was set back costs one more round trip (docs/adr/0009). 0:
// in an answer that nobody asked for.
using Sequence = StrongId<struct RelaySequenceTag, std::uint64_t>;

enum class RequestType : std::uint8_t { kBind = 1, kOpen = 2, kClose = 3, kRefresh = 4 };
struct Bind {
  TicketBytes ticket{};
};
struct Open {
  DiscoPublicKey peer;
};
struct Close {
  DiscoPublicKey peer;
};
struct Refresh {};
struct Request {
  Sequence sequence;
  std::variant<Bind, Open, Close, Refresh> wish;
};
RequestType type_of(const Request& request);

enum class PairState : std::uint8_t { kWaits = 1, kPaired = 2 };
enum class Reason : std::uint8_t {
  kNotBound = 1,
  kTicketNotAuthentic = 2,
  kTicketExpired = 3,
  kOthersTicket = 4,
  kTooManyPairs = 5,
  kFull = 6,
  kDraining = 7,
  kNoSuchPeer = 8,  // the wish is kept and served when the peer comes
};
std::string_view to_string(Reason reason);

struct Bound {
  std::chrono::seconds lifetime{};  // the binding's, unless it is refreshed; at most 65,535
  Endpoint observed;
};
struct Opened {
  DiscoPublicKey peer;
  Channel channel;
  PairState state = PairState::kWaits;
};
struct Asked {
  DiscoPublicKey peer;  // has opened towards this client and waits
};
struct Refused {
  Reason reason = Reason::kNotBound;
  RequestType refused = RequestType::kBind;
};
struct Draining {
  std::chrono::seconds left{};  // at most 65,535
};
struct Closed {
  DiscoPublicKey peer;
};
struct Answer {
  // Rises with every answer to a client, over the relay's restarts as well. A client ignores an
  // answer that nobody asked for unless its stamp is the highest it has seen: else an old "closed"
  // or "draining" could be played back to it.
  std::uint64_t stamp = 0;
  Sequence sequence;  // of the request; 0: nobody asked
  std::variant<Bound, Opened, Asked, Refused, Draining, Closed> word;
};

}  // namespace kernmesh::relay
