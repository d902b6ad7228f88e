// SPDX-License-Identifier: Apache-2.0
// The server's numbers in Prometheus' text form (L3): read from the state when they are asked for.
#pragma once

#include <string>

#include "controller/server/directory.h"
#include "controller/server/policy_administration.h"
#include "controller/server/presence.h"
#include "controller/server/signin/desk.h"

namespace kernmesh::server {

struct CertificateTime {
  WallTime expires_at{};
  WallTime now{};
};

// Without `sign_ins` nobody is signed in, and there are no numbers of that.
std::string render_metrics(const Directory& directory, const Presence& presence,
                           const PolicyCounts& policies, const CertificateTime& time,
                           const SignInDesk* sign_ins);

}  // namespace kernmesh::server
