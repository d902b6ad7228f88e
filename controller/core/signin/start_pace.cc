// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/start_pace.h"

namespace kernmesh::signin {
namespace {

// After so long without a start a source has all of its allowance again: nothing to remember.
constexpr std::chrono::duration<double> kSourceFills(kSourceStartsAtOnce / kSourceStartsPerSecond);

}  // namespace

Status StartPace::take(const std::string& source, MonoTime now) {
  if (all_.empty(now)) {
    return Error(ErrorCode::kExhausted, "too many sign-ins begin: try again in a minute");
  }
  std::erase_if(sources_,
                [&](const auto& entry) { return now - entry.second.taken_at >= kSourceFills; });
  auto& own = sources_[source];
  if (!own.bucket.take(now)) {
    return Error(ErrorCode::kExhausted,
                 "too many sign-ins begin from your address: try again in a minute");
  }
  own.taken_at = now;
  static_cast<void>(all_.take(now));
  return {};
}

}  // namespace kernmesh::signin
