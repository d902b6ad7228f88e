// SPDX-License-Identifier: Apache-2.0
// From one netmap to the next when it is known which peers differ (L1, pure). The same result as
// desired_state() and the difference of the whole, for work in proportion to those peers. The whole
// stays the truth: on start, after an error, when the host changed, when a key expired.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "controller/core/netmap/netmap.h"
#include "controller/core/reconcile/device.h"

namespace kernmesh::reconcile {

// What is to be there under every key that the differing peers had or have; nullopt: nothing. Says
// nothing of other keys.
struct Step {
  std::map<NodePublicKey, std::optional<WireguardPeer>> peers;
};

// `touched` names at least every peer in which the maps differ. Both maps satisfy
// netmap::validate(), since a key or address that two peers shared would be taken from both, and
// have the same `self` and `rules`.
Step desired_step(const netmap::Netmap& before, const netmap::Netmap& after,
                  std::span<const NodeId> touched, WallTime now);

WireguardChange diff(const Step& step, const WireguardDevice& observed);

// What is there once the change has been made.
void record(const WireguardChange& change, const NodePublicKey& own_key, WireguardDevice& observed);

// The stretch of wall time in which no expiry of a key changes what the applied map asks for. A
// clock that was set back leaves it as well.
class ExpiryHorizon {
 public:
  ExpiryHorizon(const netmap::Netmap& map, WallTime now);

  // Whether what was applied is still what the map asks for at `now`.
  bool covers(WallTime now) const { return now >= since_ && (!until_ || now < *until_); }
  // After a step. The horizon may then end too early, never too late.
  void advance(const netmap::Netmap& after, std::span<const NodeId> touched, WallTime now);

 private:
  WallTime since_;
  std::optional<WallTime> until_;
};

}  // namespace kernmesh::reconcile
