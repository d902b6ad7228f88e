// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/preference.h"

#include <algorithm>
#include <vector>

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

const Candidate* fastest(std::span<const Candidate* const> working) {
  const auto found =
      std::min_element(working.begin(), working.end(), [](const Candidate* a, const Candidate* b) {
        if (a->way.is_relayed() != b->way.is_relayed()) return b->way.is_relayed();
        return *a->latency < *b->latency;
      });
  return found == working.end() ? nullptr : *found;
}

}  // namespace

Duration noise_of(Duration round_trip) {
  return std::max<Duration>(kLatencyNoise, round_trip / kLatencyNoiseFraction);
}

int rank(const Way& way, std::span<const IpAddress> local_addresses) {
  const auto& address = way.endpoint.address;
  return (address.is_v4() ? 0 : 2) + (is_on_a_network_of_ours(address, local_addresses) ? 1 : 0);
}

const Candidate* preferred(std::span<const Candidate* const> working,
                           std::span<const IpAddress> local_addresses) {
  const Candidate* found = fastest(working);
  if (found == nullptr) return nullptr;
  const bool relayed = found->way.is_relayed();
  const Duration most = *found->latency + noise_of(*found->latency) / 2;
  int highest = rank(found->way, local_addresses);
  for (const Candidate* c : working) {
    if (c->way.is_relayed() != relayed || *c->latency > most) continue;
    const int here = rank(c->way, local_addresses);
    if (here < highest || (here == highest && *c->latency >= *found->latency)) continue;
    found = c;
    highest = here;
  }
  return found;
}

const Candidate* better_than(const Candidate& held, std::span<const Candidate* const> others,
                             std::span<const IpAddress> local_addresses) {
  // The held one first, so that it is kept among equals.
  std::vector<const Candidate*> all{&held};
  all.insert(all.end(), others.begin(), others.end());
  const Candidate* best = preferred(all, local_addresses);
  if (best == &held) return nullptr;
  if (best->way.is_relayed() != held.way.is_relayed()) return best;
  if (*fastest(all)->latency + noise_of(*held.latency) <= *held.latency) return best;
  return rank(best->way, local_addresses) > rank(held.way, local_addresses) ? best : nullptr;
}

}  // namespace kernmesh::path
