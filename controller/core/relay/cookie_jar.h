// SPDX-License-Identifier: Apache-2.0
// Cookies that prove an address without keeping anything about it (L1, pure): number of a secret 4
// · keyed BLAKE2b of the source and the client's key 20. A secret serves two minutes and is
// accepted for two more; all are derived from one seed, so that time alone turns them over.
#pragma once

#include "controller/base/clock.h"
#include "controller/core/relay/message.h"
#include "controller/core/relay/origin.h"

namespace kernmesh::relay {

class CookieJar {
 public:
  explicit CookieJar(const path::Seed& seed) : seed_(seed) {}
  Cookie bake(const Origin& from, const DiscoPublicKey& client, MonoTime now) const;
  bool is_good(const Cookie& cookie, const Origin& from, const DiscoPublicKey& client,
               MonoTime now) const;

 private:
  Cookie bake_with(std::uint32_t secret, const Origin& from, const DiscoPublicKey& client) const;
  path::Seed seed_;
};

}  // namespace kernmesh::relay
