// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/cookie_jar.h"

#include <sodium.h>

namespace kernmesh::relay {
namespace {

constexpr auto kTurn = std::chrono::minutes(2);
constexpr std::size_t kNumberBytes = 4;

std::uint32_t secret_at(MonoTime now) {
  return static_cast<std::uint32_t>(now.time_since_epoch() / kTurn);
}

}  // namespace

Cookie CookieJar::bake_with(std::uint32_t secret, const CookieHolder& holder) const {
  const Origin& from = holder.from;
  Bytes proven;
  put_number(proven, secret, kNumberBytes);
  put_number(proven, from.stream.value(), 8);
  proven.push_back(static_cast<std::uint8_t>(from.client.address.family()));
  put_number(proven, from.client.port.value(), 2);
  put_bytes(proven, from.client.address.bytes());
  put_bytes(proven, holder.client.bytes());
  put_number(proven, holder.era.value(), 4);
  Cookie cookie;
  for (std::size_t i = 0; i < kNumberBytes; ++i) cookie[i] = proven[i];
  crypto_generichash(cookie.data() + kNumberBytes, cookie.size() - kNumberBytes, proven.data(),
                     proven.size(), seed_.bytes().data(), seed_.bytes().size());
  return cookie;
}

Cookie CookieJar::bake(const CookieHolder& holder, MonoTime now) const {
  return bake_with(secret_at(now), holder);
}

bool CookieJar::is_good(const Cookie& cookie, const CookieHolder& holder, MonoTime now) const {
  const auto number = static_cast<std::uint32_t>(ByteReader(cookie).take_number<kNumberBytes>());
  const std::uint32_t age = secret_at(now) - number;
  if (age > 1) return false;
  const Cookie right = bake_with(number, holder);
  return sodium_memcmp(right.data(), cookie.data(), cookie.size()) == 0;
}

}  // namespace kernmesh::relay
