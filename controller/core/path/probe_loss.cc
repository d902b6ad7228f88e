// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/probe_loss.h"

#include <algorithm>

#include "controller/core/path/timing.h"

namespace kernmesh::path {

void ProbeLoss::add(MonoTime now, MonoTime sent_at, Fate fate) {
  std::erase_if(probes_, [&](const Probe& p) { return p.sent_at + kLossWindow <= now; });
  if (probes_.size() == kMostLossProbes) probes_.erase(probes_.begin());
  probes_.push_back({sent_at, fate});
}

std::optional<double> ProbeLoss::share(MonoTime now) const {
  std::size_t all = 0, lost = 0;
  for (const auto& probe : probes_) {
    if (probe.sent_at + kLossWindow <= now) continue;
    ++all;
    if (probe.fate == Fate::kLost) ++lost;
  }
  if (all == 0) return std::nullopt;
  return static_cast<double>(lost) / static_cast<double>(all);
}

}  // namespace kernmesh::path
