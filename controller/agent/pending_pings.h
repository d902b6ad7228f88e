// SPDX-License-Identifier: Apache-2.0
// Pings of people that await their answers (L3). Single-threaded.
#pragma once

#include <functional>
#include <map>

#include "controller/core/path/command.h"

namespace kernmesh::agent {

using PingDone = std::function<void(const path::PingResult&)>;

class PendingPings {
 public:
  // Those that are left end without an answer.
  ~PendingPings();

  // `done` is called once.
  void add(path::PingRequestId request, NodeId peer, MonoTime now, PingDone done);
  void finish(const path::PingResult& result);
  // These end without an answer.
  void finish_overdue(MonoTime now);
  void finish_of(NodeId peer);

 private:
  struct Ping {
    NodeId peer;
    MonoTime deadline;
    PingDone done;
  };
  void finish_those(const std::function<bool(const Ping&)>& which);

  std::map<path::PingRequestId, Ping> pings_;
};

}  // namespace kernmesh::agent
