// SPDX-License-Identifier: Apache-2.0
// Cookies that prove an address without keeping anything about it (L1, pure): number of a secret 4
// · keyed BLAKE2b of the source, the client's key and its era 20. A secret serves two minutes and
// is accepted for two more; all are derived from one seed, so that time alone turns them over.
#pragma once

#include "controller/base/clock.h"
#include "controller/core/relay/message.h"
#include "controller/core/relay/origin.h"

namespace kernmesh::relay {

// How often a client has begun to count its requests anew. 0 for one that is not bound.
using Era = StrongId<struct RelayEraTag, std::uint32_t>;

struct CookieHolder {
  Origin from;
  DiscoPublicKey client;
  Era era;
};

class CookieJar {
 public:
  explicit CookieJar(const path::Seed& seed) : seed_(seed) {}
  Cookie bake(const CookieHolder& holder, MonoTime now) const;
  bool is_good(const Cookie& cookie, const CookieHolder& holder, MonoTime now) const;

 private:
  Cookie bake_with(std::uint32_t secret, const CookieHolder& holder) const;
  path::Seed seed_;
};

}  // namespace kernmesh::relay
