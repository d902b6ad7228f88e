// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/candidate.h"

#include <algorithm>

namespace kernmesh::path {
namespace {

// Without the interfaces' prefix lengths: the usual ones, /24 and /64.
bool is_on_a_network_of_ours(const IpAddress& address, std::span<const IpAddress> local) {
  const auto same = address.is_v4() ? 3 : 8;
  return std::any_of(local.begin(), local.end(), [&](const IpAddress& ours) {
    return ours.family() == address.family() &&
           std::equal(ours.bytes().begin(), ours.bytes().begin() + same, address.bytes().begin());
  });
}

int rank(const Candidate& candidate, std::span<const IpAddress> local) {
  const auto& address = candidate.way.endpoint.address;
  return (address.is_v4() ? 0 : 2) + (is_on_a_network_of_ours(address, local) ? 1 : 0);
}

}  // namespace

void Candidate::on_sent(MonoTime now) {
  last_ping = now;
  if (!first_unanswered) first_unanswered = now;
  ++unanswered;
}

void Candidate::on_answer(MonoTime now, Duration round_trip) {
  last_pong = now;
  latency = latency ? (*latency * 3 + round_trip) / 4 : round_trip;
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

bool is_worth_moving(const Candidate& held, const Candidate& other,
                     std::span<const IpAddress> local_addresses) {
  if (held.way.is_relayed() != other.way.is_relayed()) return held.way.is_relayed();
  const Duration noise = std::max(kLatencyNoise, *held.latency / kLatencyNoiseFraction);
  if (*other.latency + noise <= *held.latency) return true;
  return *other.latency <= *held.latency + noise / 2 &&
         rank(other, local_addresses) > rank(held, local_addresses);
}

}  // namespace kernmesh::path
