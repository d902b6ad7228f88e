// SPDX-License-Identifier: Apache-2.0
#include "controller/server/relay_presence.h"

#include <utility>

namespace kernmesh::server {

void RelayPresence::heard(relay::RelayId id, mesh::v1::RelayLoad load) {
  const std::lock_guard lock(mutex_);
  words_[id] = {Clock::now(), std::move(load)};
}

void RelayPresence::forget(relay::RelayId id) {
  const std::lock_guard lock(mutex_);
  words_.erase(id);
}

std::optional<mesh::v1::RelayLoad> RelayPresence::load_of(relay::RelayId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = words_.find(id);
  if (found == words_.end() || Clock::now() - found->second.at > kRelaySilence) return std::nullopt;
  return found->second.load;
}

}  // namespace kernmesh::server
