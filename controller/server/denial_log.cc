// SPDX-License-Identifier: Apache-2.0
#include "controller/server/denial_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace kernmesh::server {

std::optional<std::uint64_t> DenialLog::take(By by, WallTime now) {
  const std::lock_guard lock(mutex_);
  auto& allowance = allowances_.at(static_cast<std::size_t>(by));
  // A clock that was set back begins a new interval, and gives nothing.
  if (allowance.left == kDenialBurst || now < allowance.refilled) allowance.refilled = now;
  const auto gained = (now - allowance.refilled) / kDenialInterval;
  if (gained > 0) {
    allowance.left =
        static_cast<std::uint32_t>(std::min<std::int64_t>(kDenialBurst, allowance.left + gained));
    allowance.refilled += gained * kDenialInterval;
  }
  if (allowance.left == 0) {
    ++allowance.left_out;
    return std::nullopt;
  }
  --allowance.left;
  return std::exchange(allowance.left_out, 0);
}

void DenialLog::note(By by, store::AuditEvent event) {
  event.at = clock_();
  const auto left_out = take(by, event.at);
  if (!left_out) return;
  if (*left_out > 0) {
    event.detail += " (" + std::to_string(*left_out) + " more were refused before it)";
  }
  store::Commit commit;
  commit.audit = {std::move(event)};
  if (const auto status = store_.commit(commit); !status) {
    spdlog::error("write the audit log: {}", status.error().message());
  }
}

}  // namespace kernmesh::server
