// SPDX-License-Identifier: Apache-2.0
// Which of the ways that work is the best (L1, pure): direct before relayed, whatever it costs;
// then the lowest round trip; of those that are as good as the fastest, within half the noise, IPv6
// before IPv4, then an address on a network of ours. Every way given here must have a latency.
#pragma once

#include <span>

#include "controller/core/path/candidate.h"

namespace kernmesh::path {

// By how much another way has to be faster before it is worth moving from one of that round trip.
Duration noise_of(Duration round_trip);

// 0 to 3: what decides between ways that are as good as each other.
int rank(const Way& way, std::span<const IpAddress> local_addresses);

// The one to take when none is held; none of an empty list.
const Candidate* preferred(std::span<const Candidate* const> working,
                           std::span<const IpAddress> local_addresses);

// The one of `others` to leave the working `held` for; none: stay. It is left when the fastest is
// faster by more than the noise, or when the best ranks higher. Both measure against the fastest:
// against the held one, a row of ways, each a little slower and ranked higher, would be a circle.
// What is moved to is never left again unless something changes.
const Candidate* better_than(const Candidate& held, std::span<const Candidate* const> others,
                             std::span<const IpAddress> local_addresses);

}  // namespace kernmesh::path
