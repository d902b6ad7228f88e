// SPDX-License-Identifier: Apache-2.0
// How often the provider is asked to begin a device authorization (L1, pure). Each question carries
// the server's secret at the provider and is put for whoever calls, so that without a bound a
// stranger would have this server flood the provider in its own name.
#pragma once

#include <map>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/core/path/token_bucket.h"

namespace kernmesh::signin {

// Of all. In the long run a sixth of what is asked for 32 people who are on their way
// (kMostDevices).
inline constexpr double kStartsAtOnce = 64;
inline constexpr double kStartsPerSecond = 1;
// Of one address: an office behind one NAT that sets up its machines on one day, as kMostOfSource,
// and a dozen a minute after that. So that one address cannot take what there is for all.
inline constexpr double kSourceStartsAtOnce = 32;
inline constexpr double kSourceStartsPerSecond = 0.2;

class StartPace {
 public:
  // kExhausted, in words for people, when the provider may not be asked for this source now.
  Status take(const std::string& source, MonoTime now);

  // That are remembered: those that lack some of their allowance. At most as many as kStartsAtOnce
  // and kStartsPerSecond let through while one fills up.
  std::size_t sources() const { return sources_.size(); }

 private:
  struct Source {
    path::TokenBucket bucket{kSourceStartsPerSecond, kSourceStartsAtOnce};
    MonoTime taken_at;
  };
  path::TokenBucket all_{kStartsPerSecond, kStartsAtOnce};
  std::map<std::string, Source> sources_;
};

}  // namespace kernmesh::signin
