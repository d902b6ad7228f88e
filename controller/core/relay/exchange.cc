// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/exchange.h"

namespace kernmesh::relay {

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::kNotBound:
      return "not bound";
    case Reason::kTicketNotAuthentic:
      return "ticket not authentic";
    case Reason::kTicketExpired:
      return "ticket expired";
    case Reason::kOthersTicket:
      return "another client's ticket";
    case Reason::kTooManyPairs:
      return "too many pairs";
    case Reason::kFull:
      return "relay is full";
    case Reason::kDraining:
      return "draining";
    case Reason::kNoSuchPeer:
      return "no such peer is bound here";
  }
  return "unknown";
}

}  // namespace kernmesh::relay
