// SPDX-License-Identifier: Apache-2.0
// Whom the relay lets in (L3): whose tickets are good, and whether it drains, as its options, the
// server and the host's administrator say. What the server said last is kept over restarts.
#pragma once

#include <vector>

#include "controller/core/relay/session_table.h"
#include "controller/relay/state_dir.h"
#include "controller/rpc/relay_registrar.h"

namespace kernmesh::relay {

class Admission {
 public:
  // `table` is borrowed; `own` are good besides the server's.
  Admission(const StateDir& files, SessionTable& table, std::vector<TicketPublicKey> own)
      : files_(files), table_(table), own_(std::move(own)) {}

  // What the server said to an earlier run: without it now, that holds. Before anybody is let in;
  // clients that are restored hear of a drain by settle().
  void load();
  Commands obey(const rpc::RelayOrders& orders, const Now& now);
  // By the host's administrator. Ends with this process, not by the server's word.
  Commands drain_by_hand(const Now& now);
  // Drains while anybody wants it, and lets clients in when nobody does.
  Commands settle(const Now& now);

 private:
  void serve(const std::vector<TicketPublicKey>& of_server);

  const StateDir& files_;
  SessionTable& table_;
  const std::vector<TicketPublicKey> own_;
  bool is_ordered_ = false, is_by_hand_ = false;
};

}  // namespace kernmesh::relay
