// SPDX-License-Identifier: Apache-2.0
// What one agent still has to be told (L3). Remembers one version per stream and composes the
// message when the stream can take it, so changes coalesce and a slow reader costs no memory.
#pragma once

#include <optional>

#include "controller/rpc/handlers.h"
#include "controller/server/directory.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/ticket_office.h"

namespace kernmesh::server {

// A keepalive is due after so long without a message, and that is looked at so often: together
// below the idle timeouts of common NATs and proxies (30 s and more).
inline constexpr auto kKeepalive = std::chrono::seconds(20);
inline constexpr auto kKeepaliveCheck = std::chrono::seconds(5);

class WatchSource : public rpc::UpdateSource {
 public:
  // Both references outlive it.
  struct Sources {
    const Directory& directory;
    const TicketOffice& tickets;
    WallClock clock;
  };
  // A request that names no version, or one that cannot be moved forward, starts with a snapshot.
  WatchSource(const Sources& sources, NodeId node, const mesh::v1::WatchRequest& request);

  bool next(mesh::v1::NetmapUpdate& message) override;

 private:
  // The relays as the view has them, with a ticket of now when there are any.
  netmap::Relays relays_of(const View& view) const;
  // Whether the agent should be told the version alone, because it could soon not resume from what
  // it holds.
  bool is_stale(const MapVersion& newest) const;
  // A snapshot, a change, or neither.
  void read_news(const View& view, std::optional<netmap::Netmap>& map,
                 std::optional<netmap::Delta>& delta) const;
  bool keep_alive(mesh::v1::NetmapUpdate& message, std::chrono::steady_clock::time_point now);

  const Directory& directory_;
  const TicketOffice& tickets_;
  WallClock clock_;
  NodeId node_;
  bool wants_relays_;        // older agents do not know them
  bool relays_due_ = false;  // what the agent holds of them is not what they are
  bool wants_lock_;          // the same of the lock
  bool lock_due_ = false;
  std::optional<MapVersion> sent_;  // what the agent holds; absent: a snapshot is due
  // Up to here nothing that the agent does not hold concerns it. Apart from sent_, so that changes
  // that concern others do not let the stream fall out of the history.
  MapVersion seen_;
  // Of the last message. Zero at first: a resumed stream that has missed nothing hears that at
  // once.
  std::chrono::steady_clock::time_point last_message_{};
};

}  // namespace kernmesh::server
