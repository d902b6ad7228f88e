// SPDX-License-Identifier: Apache-2.0
// When a document of the provider is asked for again (L1, pure): when it is old, or when a token
// names a key that is not in it, but never more than once in a while, whatever comes in.
#pragma once

#include <chrono>
#include <optional>

#include "controller/base/clock.h"

namespace kernmesh::signin {

// A key that the provider has withdrawn is believed for at most so long.
inline constexpr auto kDocumentLifetime = std::chrono::hours(1);
// Between two questions, answered or not. A provider that changes its keys publishes the new one
// hours before it signs with it, so nobody waits for this but behind a provider that failed.
inline constexpr auto kAskInterval = std::chrono::seconds(10);

class FetchPace {
 public:
  bool is_stale(MonoTime now) const { return !fetched_ || now - *fetched_ >= kDocumentLifetime; }
  bool may_ask(MonoTime now) const { return !asked_ || now - *asked_ >= kAskInterval; }
  void note_asked(MonoTime now) { asked_ = now; }
  void note_fetched(MonoTime now) { fetched_ = now; }

 private:
  std::optional<MonoTime> asked_;
  std::optional<MonoTime> fetched_;
};

}  // namespace kernmesh::signin
