// SPDX-License-Identifier: Apache-2.0
#include "controller/server/denial_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace kernmesh::server {

bool DenialLog::take(Allowance& allowance, WallTime now, std::string& text) {
  const std::lock_guard lock(mutex_);
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
    return false;
  }
  --allowance.left;
  if (const auto left_out = std::exchange(allowance.left_out, 0); left_out > 0) {
    text += " (" + std::to_string(left_out) + " more were refused before it)";
  }
  return true;
}

void DenialLog::warn(By by, std::string line) {
  if (take(lines_.at(static_cast<std::size_t>(by)), clock_(), line)) spdlog::warn("{}", line);
}

void DenialLog::note(By by, store::AuditEvent event) {
  event.at = clock_();
  if (!take(events_.at(static_cast<std::size_t>(by)), event.at, event.detail)) return;
  store::Commit commit;
  commit.audit = {std::move(event)};
  if (const auto status = store_.commit(commit); !status) {
    spdlog::error("write the audit log: {}", status.error().message());
  }
}

}  // namespace kernmesh::server
