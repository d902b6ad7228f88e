// SPDX-License-Identifier: Apache-2.0
// The server's numbers in Prometheus' text form (L3): read from the state when they are asked for.
#pragma once

#include <string>

#include "controller/server/directory.h"
#include "controller/server/policy_administration.h"
#include "controller/server/presence.h"

namespace kernmesh::server {

std::string render_metrics(const Directory& directory, const Presence& presence,
                           const PolicyCounts& policies, WallTime certificate_expires_at);

}  // namespace kernmesh::server
