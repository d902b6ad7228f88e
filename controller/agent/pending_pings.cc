// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/pending_pings.h"

#include <utility>
#include <vector>

namespace kernmesh::agent {
namespace {

// The engine gives a ping up after 5 s; what it forgets about is answered here.
constexpr auto kDeadline = std::chrono::seconds(7);

}  // namespace

PendingPings::~PendingPings() {
  finish_those([](const Ping&) { return true; });
}

void PendingPings::add(path::PingRequestId request, NodeId peer, MonoTime now, PingDone done) {
  pings_[request] = {peer, now + kDeadline, std::move(done)};
}

void PendingPings::finish(const path::PingResult& result) {
  const auto found = pings_.find(result.request);
  if (found == pings_.end()) return;
  const PingDone done = std::move(found->second.done);
  pings_.erase(found);
  done(result);
}

void PendingPings::finish_overdue(MonoTime now) {
  finish_those([now](const Ping& ping) { return now >= ping.deadline; });
}

void PendingPings::finish_of(NodeId peer) {
  finish_those([peer](const Ping& ping) { return ping.peer == peer; });
}

void PendingPings::finish_those(const std::function<bool(const Ping&)>& which) {
  std::vector<std::pair<path::PingRequestId, Ping>> finished;
  for (auto it = pings_.begin(); it != pings_.end();) {
    if (!which(it->second)) {
      ++it;
      continue;
    }
    finished.emplace_back(it->first, std::move(it->second));
    it = pings_.erase(it);
  }
  for (const auto& [request, ping] : finished)
    ping.done({request, ping.peer, std::nullopt, std::nullopt});
}

}  // namespace kernmesh::agent
