// SPDX-License-Identifier: Apache-2.0
// What the agent says of its policy as documents (pure). docs/json.md describes the objects.
#pragma once

#include "mesh/v1/local.pb.h"
#include "tools/meshadm/document.h"
#include "tools/meshadm/packet_question.h"

namespace kernmesh::adm {

Document acl_document(const mesh::v1::AclShowResponse& response);
Document acl_stats_document(const mesh::v1::AclStatsResponse& response);
// `source` is what was asked for.
Document acl_answer_document(const mesh::v1::AclExplainResponse& response,
                             const std::string& source, const PacketQuestion& question);

}  // namespace kernmesh::adm
