// SPDX-License-Identifier: Apache-2.0
// How often one source or network may do something, in constant memory (L1, pure). They share a
// bucket when their keyed hashes collide; nobody outside can aim at another's.
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

// What counts as one: lengths of prefixes, in whole bytes.
struct Reach {
  int v4_bits, v6_bits;
};
// A customer has a /64 at least (RFC 6177).
inline constexpr Reach kOneSource{32, 64};
// A customer has a /48 at most (RFC 6177), and a /24 is the smallest that is routed by itself.
inline constexpr Reach kOneNetwork{24, 48};

Prefix source_of(const IpAddress& address);  // kOneSource

class SourceQuota {
 public:
  SourceQuota(const Rate& rate, const std::array<std::uint8_t, 16>& hash_key,
              const Reach& reach = kOneSource);
  bool take(const IpAddress& source, MonoTime now);

 private:
  std::array<std::uint8_t, 16> hash_key_;
  Reach reach_;
  std::vector<path::TokenBucket> buckets_;
};

}  // namespace kernmesh::relay
