// SPDX-License-Identifier: Apache-2.0
// What happened at one relay, for who chooses among relays (L1, pure).
#pragma once

#include <variant>

#include "controller/base/clock.h"
#include "controller/core/path/way.h"
#include "controller/core/relay/exchange.h"

namespace kernmesh::relay {

struct PairUp {
  DiscoPublicKey peer;
  path::Way way;
};
struct PairDown {
  DiscoPublicKey peer;
};
struct PeerAsks {
  DiscoPublicKey peer;  // has opened towards us and waits
};
struct RelayBound {
  Endpoint observed;  // this node's public port as the relay sees it
};
struct RelayDoubtful {};  // requests go unanswered: prepare another
struct RelayLost {};      // it has not answered for long; every pair is down, tries go on
struct RelayDrains {
  MonoTime by{};
};
struct TicketRefused {
  Reason reason{};
};
// It gave one channel for two peers: it is lost, and left alone for long.
struct RelayLies {
  Channel channel;
};
using Event = std::variant<PairUp, PairDown, PeerAsks, RelayBound, RelayDoubtful, RelayLost,
                           RelayDrains, TicketRefused, RelayLies>;

}  // namespace kernmesh::relay
