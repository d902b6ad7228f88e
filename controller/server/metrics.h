// SPDX-License-Identifier: Apache-2.0
// The server's numbers in Prometheus' text form (L3): read from the state when they are asked for.
#pragma once

#include <string>

#include "controller/server/directory.h"
#include "controller/server/policy_administration.h"
#include "controller/server/presence.h"

namespace kernmesh::server {

struct CertificateTime {
  WallTime expires_at{};
  WallTime now{};
};

std::string render_metrics(const Directory& directory, const Presence& presence,
                           const PolicyCounts& policies, const CertificateTime& time);

}  // namespace kernmesh::server
