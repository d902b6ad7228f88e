// SPDX-License-Identifier: Apache-2.0
// The audit log as documents (pure). docs/json.md describes the objects.
#pragma once

#include <vector>

#include "mesh/v1/admin.pb.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

// In the order in which they are given.
Document audit_document(const std::vector<mesh::v1::AuditEvent>& events);
// One of a stream.
Document audit_line(const mesh::v1::AuditEvent& event);

}  // namespace kernmesh::adm
