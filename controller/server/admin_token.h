// SPDX-License-Identifier: Apache-2.0
// The administrator token (L3): in STATE/admin.token, its hash in the store.
#pragma once

#include <string>

#include "controller/base/clock.h"
#include "controller/core/topology/registration.h"
#include "controller/server/state_dir.h"
#include "controller/store/record.h"

namespace kernmesh::server {

inline constexpr const char* kTokenFile = "admin.token";

// Makes a token, writes it to the file of that name in `state` (0600) and returns its hash.
Result<store::Hash> write_admin_token(const StateDir& state, const std::string& name,
                                      const topology::CaFingerprint& ca);

struct TokenReset {
  std::string state_dir;
  std::string tls_cert;  // as the server is started with; empty: its own authority's
  WallTime now{};
};
// Puts a new token in the place of the one before, whether its file is there or not, and says so in
// the audit log. The old one is nobody's when it returns. kConflict while a server uses the
// directory and after a restore that was cut short, kNotFound when it holds no network. May be run
// again after a crash or an error.
Status reset_admin_token(const TokenReset& reset);

}  // namespace kernmesh::server
