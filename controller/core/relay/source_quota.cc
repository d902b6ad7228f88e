// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/source_quota.h"

#include <sodium.h>

#include <cstring>

namespace kernmesh::relay {
namespace {

constexpr std::size_t kBuckets = 16384;

static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);

Prefix prefix_of(const IpAddress& address, const Reach& reach) {
  return Prefix::make(address, address.is_v4() ? reach.v4_bits : reach.v6_bits).value();
}

}  // namespace

Prefix source_of(const IpAddress& address) { return prefix_of(address, kOneSource); }

SourceQuota::SourceQuota(const Rate& rate, const std::array<std::uint8_t, 16>& hash_key,
                         const Reach& reach)
    : hash_key_(hash_key),
      reach_(reach),
      buckets_(kBuckets, path::TokenBucket(rate.per_second, rate.burst)) {}

bool SourceQuota::take(const IpAddress& source, MonoTime now) {
  const Prefix one = prefix_of(source, reach_);
  const auto bytes = static_cast<std::size_t>(one.length()) / 8;
  std::array<std::uint8_t, 8> hash;
  crypto_shorthash(hash.data(), one.address().bytes().data(), bytes, hash_key_.data());
  std::uint64_t number;
  std::memcpy(&number, hash.data(), sizeof number);
  return buckets_[number % kBuckets].take(now);
}

}  // namespace kernmesh::relay
