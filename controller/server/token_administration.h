// SPDX-License-Identifier: Apache-2.0
// API tokens (L3, thread-safe). A token never carries more than whoever made it had, nor lives
// longer than the token that it was made with.
#pragma once

#include "controller/core/topology/registration.h"
#include "controller/rpc/admin_handlers.h"
#include "controller/server/directory.h"
#include "controller/server/request_memory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

inline constexpr auto kDefaultTokenLifetime = std::chrono::days(30);
inline constexpr auto kMaxTokenLifetime = std::chrono::days(365);
// Of one user, expired ones apart.
inline constexpr std::size_t kMaxTokensOfUser = 100;

class TokenAdministration : public rpc::TokenHandler {
 public:
  // All outlive it.
  TokenAdministration(const Directory& directory, store::Store& store,
                      const RequestMemory& requests, topology::CaFingerprint ca, WallClock clock)
      : directory_(directory),
        store_(store),
        requests_(requests),
        ca_(ca),
        clock_(std::move(clock)) {}

  Result<mesh::v1::CreateTokenResponse> create_token(const rpc::Caller&,
                                                     const mesh::v1::CreateTokenRequest&) override;
  // All of them for auditors, his own for a member.
  Result<mesh::v1::ListTokensResponse> list_tokens(const rpc::Caller&,
                                                   const mesh::v1::ListTokensRequest&) override;
  // His own, and for an administrator all that carry no more than he has.
  Result<mesh::v1::RevokeTokenResponse> revoke_token(const rpc::Caller&,
                                                     const mesh::v1::RevokeTokenRequest&) override;
  Result<mesh::v1::Caller> get_caller(const rpc::Caller&,
                                      const mesh::v1::GetCallerRequest&) override;

 private:
  Result<mesh::v1::CreateTokenResponse> create(const rpc::Caller& caller,
                                               const mesh::v1::CreateTokenRequest& request,
                                               const RequestMemory::Record& asked);
  Result<mesh::v1::CreateTokenResponse> recall(const mesh::v1::CreateTokenRequest& request,
                                               const store::RequestRecord& done) const;
  Result<store::Commit> plan(const View& view, const rpc::Caller& caller,
                             const mesh::v1::CreateTokenRequest& request,
                             store::TokenRecord& record) const;

  const Directory& directory_;
  store::Store& store_;
  const RequestMemory& requests_;
  topology::CaFingerprint ca_;
  WallClock clock_;
};

}  // namespace kernmesh::server
