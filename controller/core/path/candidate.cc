// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/candidate.h"

#include <algorithm>

namespace kernmesh::path {

void Candidate::on_sent(MonoTime now) {
  last_ping = now;
  if (!first_unanswered) first_unanswered = now;
  ++unanswered;
}

void Candidate::on_answer(MonoTime now, Duration round_trip) {
  const bool recalled = latency && last_pong && now - *last_pong < kLatencyMemory;
  last_pong = now;
  latency = recalled ? (*latency * 3 + round_trip) / 4 : round_trip;
  first_unanswered.reset();
  unanswered = 0;
  tries = 0;
  next_probe.reset();
  failed = false;
}

void Candidate::plan(MonoTime now) {
  tries = 0;
  next_probe = last_ping ? std::max(now, *last_ping + kPatience) : now;
}

void Candidate::ask_at_once(MonoTime now) {
  tries = 0;
  next_probe = now;
}

// Of a way that has never answered nobody knows how long it takes.
std::optional<MonoTime> Candidate::questionable_from() const {
  if (!first_unanswered) return std::nullopt;
  if (!latency) return suspect_from();
  return *first_unanswered + std::max(kHesitation, *latency * kPatienceRoundTrips);
}

std::optional<MonoTime> Candidate::suspect_from() const {
  if (!first_unanswered) return std::nullopt;
  return *first_unanswered +
         std::max(kPatience, latency.value_or(Duration{}) * kPatienceRoundTrips);
}

bool is_usable(const Endpoint& endpoint, Loopback loopback, std::span<const Prefix> overlay) {
  const auto& a = endpoint.address;
  if (endpoint.port == Port{} || a.is_unspecified() || a.is_multicast() || a.is_v4_mapped() ||
      a.is_link_local())
    return false;
  if (a.is_loopback() && loopback == Loopback::kRefuse) return false;
  if (a.is_v4() && (a.bytes()[0] == 0 || a.bytes()[0] >= 240)) return false;
  return std::none_of(overlay.begin(), overlay.end(),
                      [&](const Prefix& prefix) { return prefix.contains(a); });
}

}  // namespace kernmesh::path
