// SPDX-License-Identifier: Apache-2.0
// API tokens and the caller as documents (pure). docs/json.md describes the objects.
#pragma once

#include "controller/base/clock.h"
#include "mesh/v1/admin.pb.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

Document new_token_document(const mesh::v1::CreateTokenResponse& response, WallTime now);
Document tokens_document(const mesh::v1::ListTokensResponse& response, WallTime now);
Document caller_document(const mesh::v1::Caller& caller, WallTime now);

}  // namespace kernmesh::adm
