// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/given_channels.h"

#include <algorithm>

namespace kernmesh::relay {

bool GivenChannels::give(const DiscoPublicKey& peer, Channel channel) {
  const auto is_anothers = [&](const auto& given) {
    return given.second == channel && given.first != peer;
  };
  if (std::any_of(live_.begin(), live_.end(), is_anothers) ||
      std::any_of(ended_.begin(), ended_.end(), is_anothers))
    return false;
  const auto held = live_.find(peer);
  if (held != live_.end() && held->second == channel) return true;
  end(peer);
  live_[peer] = channel;
  return true;
}

void GivenChannels::end(const DiscoPublicKey& peer) {
  const auto held = live_.find(peer);
  if (held == live_.end()) return;
  ended_.emplace_back(*held);
  if (ended_.size() > kRemembered) ended_.pop_front();
  live_.erase(held);
}

}  // namespace kernmesh::relay
