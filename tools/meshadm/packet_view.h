// SPDX-License-Identifier: Apache-2.0
// Packets and flows that the agent tells of, as documents (pure). docs/json.md describes the
// objects.
#pragma once

#include <vector>

#include "mesh/v1/local.pb.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

// All at once: tables.
Document drops_document(const std::vector<mesh::v1::AclEvent>& events);
Document flows_document(const std::vector<mesh::v1::AclFlow>& flows);

// One after the other: a line each, two when the stream lost some before it.
Document drop_line(const mesh::v1::AclEvent& event);
Document flow_line(const mesh::v1::FlowsResponse& item);

}  // namespace kernmesh::adm
