// SPDX-License-Identifier: Apache-2.0
// For which peer each channel of one relay was given (L1, pure). A relay draws channels at random
// from four billion, so one that comes for a second peer is a lie, or soon would be: packets of the
// first are under way. Not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "controller/base/key.h"
#include "controller/core/relay/data_header.h"

namespace kernmesh::relay {

class GivenChannels {
 public:
  // Channels of pairs that are down, the newest of them.
  static constexpr std::size_t kRemembered = 256;

  // The peer's channel from now on. False: it is another's, or was, and nothing has changed.
  bool give(const DiscoPublicKey& peer, Channel channel);
  // The peer's pair is down.
  void end(const DiscoPublicKey& peer);

 private:
  std::map<DiscoPublicKey, Channel> live_;
  std::deque<std::pair<DiscoPublicKey, Channel>> ended_;  // newest last
};

}  // namespace kernmesh::relay
