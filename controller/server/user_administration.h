// SPDX-License-Identifier: Apache-2.0
// Users and their roles (L3, thread-safe). Everything that changes something is audited.
#pragma once

#include "controller/rpc/admin_handlers.h"
#include "controller/server/directory.h"
#include "controller/server/request_memory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

class UserAdministration : public rpc::UserHandler {
 public:
  // All outlive it. `issuer` is the provider that signs people in; empty: none does.
  UserAdministration(const Directory& directory, store::Store& store, const RequestMemory& requests,
                     std::string issuer, WallClock clock)
      : directory_(directory),
        store_(store),
        requests_(requests),
        issuer_(std::move(issuer)),
        clock_(std::move(clock)) {}

  Result<mesh::v1::User> create_user(const rpc::Caller&,
                                     const mesh::v1::CreateUserRequest&) override;
  Result<mesh::v1::ListUsersResponse> list_users(const rpc::Caller&,
                                                 const mesh::v1::ListUsersRequest&) override;
  // With its join keys and tokens.
  Result<mesh::v1::DeleteUserResponse> delete_user(const rpc::Caller&,
                                                   const mesh::v1::DeleteUserRequest&) override;
  Result<mesh::v1::User> set_user_roles(const rpc::Caller&,
                                        const mesh::v1::SetUserRolesRequest&) override;
  Result<mesh::v1::User> link_user(const rpc::Caller&, const mesh::v1::LinkUserRequest&) override;

 private:
  Result<mesh::v1::User> create(const rpc::Caller& caller,
                                const mesh::v1::CreateUserRequest& request,
                                const RequestMemory::Record& asked);
  Result<mesh::v1::User> describe(UserId id) const;

  const Directory& directory_;
  store::Store& store_;
  const RequestMemory& requests_;
  const std::string issuer_;
  WallClock clock_;
};

}  // namespace kernmesh::server
