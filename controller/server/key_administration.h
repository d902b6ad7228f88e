// SPDX-License-Identifier: Apache-2.0
// Join keys: making, showing and revoking them (L3, thread-safe). What they do at the door is in
// join_keys.h. Everything that changes something is audited.
#pragma once

#include "controller/core/topology/registration.h"
#include "controller/rpc/admin_handlers.h"
#include "controller/server/directory.h"
#include "controller/server/request_memory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

inline constexpr auto kDefaultKeyLifetime = std::chrono::hours(24);
inline constexpr auto kMaxKeyLifetime = std::chrono::days(365);

class KeyAdministration : public rpc::JoinKeyHandler {
 public:
  // All outlive it.
  KeyAdministration(const Directory& directory, store::Store& store, const RequestMemory& requests,
                    topology::CaFingerprint ca, WallClock clock)
      : directory_(directory),
        store_(store),
        requests_(requests),
        ca_(ca),
        clock_(std::move(clock)) {}

  Result<mesh::v1::CreateJoinKeyResponse> create_join_key(
      const rpc::Caller&, const mesh::v1::CreateJoinKeyRequest&) override;
  Result<mesh::v1::ListJoinKeysResponse> list_join_keys(
      const rpc::Caller&, const mesh::v1::ListJoinKeysRequest&) override;
  Result<mesh::v1::JoinKey> revoke_join_key(const rpc::Caller&,
                                            const mesh::v1::RevokeJoinKeyRequest&) override;

 private:
  Result<mesh::v1::CreateJoinKeyResponse> create(const rpc::Caller& caller,
                                                 const mesh::v1::CreateJoinKeyRequest& request,
                                                 const RequestMemory::Record& asked);
  Result<mesh::v1::CreateJoinKeyResponse> recall(const mesh::v1::CreateJoinKeyRequest& request,
                                                 const store::RequestRecord& done) const;
  Result<mesh::v1::JoinKey> describe(JoinKeyId id) const;

  const Directory& directory_;
  store::Store& store_;
  const RequestMemory& requests_;
  topology::CaFingerprint ca_;
  WallClock clock_;
};

}  // namespace kernmesh::server
