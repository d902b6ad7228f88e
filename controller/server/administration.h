// SPDX-License-Identifier: Apache-2.0
// What administrators ask (L3, thread-safe). Everything that changes something is audited.
#pragma once

#include "controller/core/topology/registration.h"
#include "controller/rpc/handlers.h"
#include "controller/server/directory.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/presence.h"

namespace kernmesh::server {

inline constexpr auto kDefaultKeyLifetime = std::chrono::hours(24);
inline constexpr auto kMaxKeyLifetime = std::chrono::days(365);

class Administration : public rpc::AdminHandler {
 public:
  Administration(const Directory& directory, store::Store& store, const Presence& presence,
                 topology::CaFingerprint ca, WallClock clock)
      : directory_(directory),
        store_(store),
        presence_(presence),
        ca_(ca),
        clock_(std::move(clock)) {}

  Result<mesh::v1::User> create_user(const mesh::v1::CreateUserRequest&) override;
  Result<mesh::v1::ListUsersResponse> list_users(const mesh::v1::ListUsersRequest&) override;
  Result<mesh::v1::DeleteUserResponse> delete_user(const mesh::v1::DeleteUserRequest&) override;
  Result<mesh::v1::CreateJoinKeyResponse> create_join_key(
      const mesh::v1::CreateJoinKeyRequest&) override;
  Result<mesh::v1::ListJoinKeysResponse> list_join_keys(
      const mesh::v1::ListJoinKeysRequest&) override;
  Result<mesh::v1::JoinKey> revoke_join_key(const mesh::v1::RevokeJoinKeyRequest&) override;
  Result<mesh::v1::ListNodesResponse> list_nodes(const mesh::v1::ListNodesRequest&) override;
  Result<mesh::v1::Node> get_node(const mesh::v1::GetNodeRequest&) override;
  Result<mesh::v1::Node> rename_node(const mesh::v1::RenameNodeRequest&) override;
  Result<mesh::v1::Node> expire_node(const mesh::v1::ExpireNodeRequest&) override;
  Result<mesh::v1::RemoveNodeResponse> remove_node(const mesh::v1::RemoveNodeRequest&) override;
  Result<mesh::v1::Node> tag_node(const mesh::v1::TagNodeRequest&) override;

 private:
  store::AuditEvent event(const char* action, std::string subject, std::string detail = {}) const;
  mesh::v1::Node describe(const View& view, const store::NodeRecord& record) const;
  // Changes the node that `name` names by `edit(view, record)` and tells the network.
  template <typename Edit>
  Result<mesh::v1::Node> edit_node(const std::string& name, const char* action, const Edit& edit);

  const Directory& directory_;
  store::Store& store_;
  const Presence& presence_;
  topology::CaFingerprint ca_;
  WallClock clock_;
};

}  // namespace kernmesh::server
