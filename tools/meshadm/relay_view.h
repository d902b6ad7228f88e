// SPDX-License-Identifier: Apache-2.0
// The network's relays as documents (pure). docs/json.md describes the objects.
#pragma once

#include <string>

#include "controller/base/clock.h"
#include "mesh/v1/admin.pb.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

// `done` says in words what was changed; empty for a mere look.
Document relay_document(const mesh::v1::Relay& relay, const std::string& done, WallTime now);
Document relays_document(const mesh::v1::ListRelaysResponse& response, WallTime now);

}  // namespace kernmesh::adm
