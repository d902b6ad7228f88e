// SPDX-License-Identifier: Apache-2.0
// The server's own thread (L3): wakes the streams that changes may concern, and once a second looks
// what time has done to streams, keys and ephemeral nodes. Changes that come while it is busy are
// told together.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "controller/server/directory.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/presence.h"
#include "controller/server/relay_presence.h"
#include "controller/server/waking.h"

namespace kernmesh::server {

// A reader that has not taken a message for so long is dropped; it resumes when it comes back.
inline constexpr auto kMaxStall = std::chrono::seconds(60);
// Presence and facts are written together this often: a flapping node costs one change, or none.
inline constexpr auto kFlushInterval = std::chrono::seconds(2);

class Housekeeper {
 public:
  struct Options {
    // An ephemeral node may be gone for so long: by the wall clock, and by the monotonic clock of
    // this run, because a removal is for good and a wall clock may be set to anything.
    std::chrono::seconds ephemeral_lifetime{};
    // After a start, nodes that were connected before count as connected for this long.
    std::chrono::seconds reconnect_grace{};
  };
  Housekeeper(Directory& directory, store::Store& store, Presence& presence,
              const RelayPresence& relays, WallClock clock, MonoReading mono, Options options);
  ~Housekeeper() { stop(); }

  void start();
  // Ends the thread and every stream. Changes may still come, and are told nobody any more: the
  // directory calls this object for as long as there are commits, so it goes after the last one.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  void run();
  void tell(const std::vector<OpenStream>& streams);
  void check(const std::vector<OpenStream>& streams);
  void remind_streams();
  void look_after_keys();
  bool is_gone(const store::NodeRecord& record, const std::set<NodeId>& online) const;
  void note_gone(const std::set<NodeId>& online);
  void remove_ephemeral();
  void flush_presence();
  void check_relays();

  Directory& directory_;
  store::Store& store_;
  Presence& presence_;
  const RelayPresence& relays_;
  WallClock clock_;
  MonoReading mono_;
  Options options_;
  Waking waking_;
  std::map<NodeId, MonoTime> gone_since_;  // ephemeral nodes, as this run has seen it
  std::uint64_t ticks_ = 0;
  Clock::time_point started_;
  Clock::time_point flushed_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool changed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kernmesh::server
