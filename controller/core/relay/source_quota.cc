// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/source_quota.h"

#include <sodium.h>

#include <cstring>

namespace kernmesh::relay {
namespace {

constexpr std::size_t kBuckets = 16384;
constexpr std::size_t kV6Bytes = 8;

static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);

}  // namespace

SourceQuota::SourceQuota(const Rate& rate, const std::array<std::uint8_t, 16>& hash_key)
    : hash_key_(hash_key), buckets_(kBuckets, path::TokenBucket(rate.per_second, rate.burst)) {}

bool SourceQuota::take(const IpAddress& source, MonoTime now) {
  const std::size_t bytes = source.is_v4() ? 4 : kV6Bytes;
  std::array<std::uint8_t, 8> hash;
  crypto_shorthash(hash.data(), source.bytes().data(), bytes, hash_key_.data());
  std::uint64_t number;
  std::memcpy(&number, hash.data(), sizeof number);
  return buckets_[number % kBuckets].take(now);
}

}  // namespace kernmesh::relay
