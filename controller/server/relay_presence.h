// SPDX-License-Identifier: Apache-2.0
// What relays said last, and when (L3, thread-safe). Nothing of it is stored: a server that starts
// hears it within seconds.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>

#include "controller/core/relay/home.h"
#include "mesh/v1/types.pb.h"

namespace kernmesh::server {

// A relay reports every 5 s; after three reports that did not come it counts as gone.
inline constexpr auto kRelaySilence = std::chrono::seconds(20);

class RelayPresence {
 public:
  using Clock = std::chrono::steady_clock;

  void heard(relay::RelayId id, mesh::v1::RelayLoad load);
  void forget(relay::RelayId id);
  bool is_online(relay::RelayId id) const { return load_of(id).has_value(); }
  // Nothing while it is not heard.
  std::optional<mesh::v1::RelayLoad> load_of(relay::RelayId id) const;

 private:
  struct Word {
    Clock::time_point at;
    mesh::v1::RelayLoad load;
  };
  mutable std::mutex mutex_;
  std::map<relay::RelayId, Word> words_;
};

}  // namespace kernmesh::server
