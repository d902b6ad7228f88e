// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/ping_book.h"

namespace kernmesh::path {
namespace {
constexpr PingRequestId kNobody{};
}

void PingBook::add(const OutstandingPing& ping) {
  if (pings_.size() >= kMostOutstanding) {
    const auto oldest = std::find_if(pings_.begin(), pings_.end(),
                                     [](const auto& p) { return p.request == kNobody; });
    if (oldest == pings_.end()) return;
    pings_.erase(oldest);
  }
  pings_.push_back(ping);
}

std::optional<OutstandingPing> PingBook::take(const TransactionId& tx, const Way& from,
                                              const DiscoPublicKey& key, MonoTime now) {
  const auto found = std::find_if(pings_.begin(), pings_.end(), [&](const auto& p) {
    return p.tx == tx && p.to == from && p.sealed_for == key && now < p.sent_at + kPingTimeout;
  });
  if (found == pings_.end()) return std::nullopt;
  const auto ping = *found;
  pings_.erase(found);
  return ping;
}

PingBook::Expired PingBook::expire(MonoTime now) {
  Expired expired;
  auto& ended = expired.requests;
  const auto late = [&](const auto& p) { return now >= p.sent_at + kPingTimeout; };
  for (const auto& p : pings_) {
    if (!late(p)) continue;
    expired.pings.push_back(p);
    if (p.request != kNobody) ended.push_back(p.request);
  }
  std::erase_if(pings_, late);
  std::sort(ended.begin(), ended.end());
  ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
  std::erase_if(ended, [&](PingRequestId request) {
    return std::any_of(pings_.begin(), pings_.end(),
                       [&](const auto& p) { return p.request == request; });
  });
  return expired;
}

void PingBook::close_request(PingRequestId request) {
  for (auto& p : pings_)
    if (p.request == request) p.request = kNobody;
}

std::size_t PingBook::open_requests() const {
  std::vector<PingRequestId> open;
  for (const auto& p : pings_)
    if (p.request != kNobody && std::find(open.begin(), open.end(), p.request) == open.end())
      open.push_back(p.request);
  return open.size();
}

std::optional<MonoTime> PingBook::next_expiry() const {
  for (const auto& p : pings_)
    if (p.request != kNobody) return p.sent_at + kPingTimeout;
  return std::nullopt;
}

void PingBook::forget_probes() {
  std::erase_if(pings_, [](const auto& p) { return p.request == kNobody; });
}

bool PingBook::is_new_from_peer(const TransactionId& tx) {
  if (std::find(seen_.begin(), seen_.end(), tx) != seen_.end()) return false;
  if (seen_.size() < kRememberedPings) {
    seen_.push_back(tx);
  } else {
    seen_[next_seen_] = tx;
    next_seen_ = (next_seen_ + 1) % kRememberedPings;
  }
  return true;
}

}  // namespace kernmesh::path
