// SPDX-License-Identifier: Apache-2.0
// How often one source address may do something, in constant memory (L1, pure). Sources share a
// bucket when their keyed hashes collide; nobody outside can aim at another's. IPv6 counts by /64,
// which is what one customer has at least (RFC 6177).
#pragma once

#include <array>
#include <vector>

#include "controller/base/ip.h"
#include "controller/core/path/token_bucket.h"

namespace kernmesh::relay {

struct Rate {
  double per_second = 0;
  double burst = 0;
};

// What counts as one source: an IPv4 address, the /64 of an IPv6 one.
Prefix source_of(const IpAddress& address);

class SourceQuota {
 public:
  SourceQuota(const Rate& rate, const std::array<std::uint8_t, 16>& hash_key);
  bool take(const IpAddress& source, MonoTime now);

 private:
  std::array<std::uint8_t, 16> hash_key_;
  std::vector<path::TokenBucket> buckets_;
};

}  // namespace kernmesh::relay
