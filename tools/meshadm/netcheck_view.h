// SPDX-License-Identifier: Apache-2.0
// What kind of network this node is in, as a document (pure). docs/json.md describes the object.
#pragma once

#include "mesh/v1/local.pb.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

// By UDP, or else over TLS.
bool reaches_a_relay(const mesh::v1::NetcheckResponse& response);
Document netcheck_document(const mesh::v1::NetcheckResponse& response);

}  // namespace kernmesh::adm
