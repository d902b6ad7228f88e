// SPDX-License-Identifier: Apache-2.0
// The server's certificate (L3): its own authority's, kept and renewed in the state directory, or
// one that was given.
#pragma once

#include <string>

#include "controller/base/clock.h"
#include "controller/core/topology/registration.h"
#include "controller/rpc/certificate.h"
#include "controller/server/state_dir.h"

namespace kernmesh::server {

// Less than this left when it is opened: a new server certificate is issued. The authority stays.
inline constexpr auto kRenewBefore = std::chrono::days(30);

struct TlsIdentity {
  std::string chain_pem;  // the server's certificate first, the authority last
  std::string key_pem;
  topology::CaFingerprint fingerprint{};  // of the authority
  WallTime expires_at{};                  // of the server's certificate
};

// From ca.key, ca.crt, server.key, server.crt in `state`, which are made when they are missing. A
// half of the authority's files is kCorrupt, because a new authority would cut off every node; but
// for a key that is the only file, which a first start has left that was cut short.
Result<TlsIdentity> open_own_identity(const StateDir& state, const rpc::ServerNames& names,
                                      WallTime now);

// From PEM files; the last certificate of the chain counts as the authority. kExpired when the
// server's certificate is not valid at `now`.
Result<TlsIdentity> open_given_identity(const std::string& chain_path, const std::string& key_path,
                                        WallTime now);

}  // namespace kernmesh::server
