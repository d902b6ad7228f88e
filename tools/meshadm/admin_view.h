// SPDX-License-Identifier: Apache-2.0
// The server's answers as documents (pure). docs/json.md describes the objects.
#pragma once

#include <string>

#include "controller/base/clock.h"
#include "mesh/v1/admin.pb.h"
#include "tools/meshadm/document.h"

namespace kernmesh::adm {

// `done` says in words what was changed; empty for a mere look, which is shown as a list of facts.
Document user_document(const mesh::v1::User& user, const std::string& done);
Document users_document(const mesh::v1::ListUsersResponse& response, WallTime now);

// The new key and the command that uses it; `server` is the "HOST:PORT" it was made at.
Document new_key_document(const mesh::v1::CreateJoinKeyResponse& response,
                          const std::string& server, WallTime now);
Document key_document(const mesh::v1::JoinKey& key, const std::string& done);
Document keys_document(const mesh::v1::ListJoinKeysResponse& response, WallTime now);

Document node_document(const mesh::v1::Node& node, const std::string& done, WallTime now);
Document nodes_document(const mesh::v1::ListNodesResponse& response, WallTime now);

// {"removed": {"user": NAME}}, or node or relay in its place.
Document removed_document(const std::string& kind, const std::string& name);

// What a key can still do: "valid", "used", "expired", "revoked".
std::string key_state(const mesh::v1::JoinKey& key, WallTime now);

}  // namespace kernmesh::adm
