// SPDX-License-Identifier: Apache-2.0
// People of a test's server, each with a token of his own.
#pragma once

#include "tests/unit/server/fixture.h"

namespace kernmesh::server {

class PeopleTest : public ServerTest {
 protected:
  // A user of that name, unless there is one, with that role.
  void make_user(const std::string& name, const std::string& role = "") {
    mesh::v1::CreateUserRequest request;
    request.set_name(name);
    if (!role.empty()) request.add_roles(role);
    const auto made = admin_->create_user(request);
    ASSERT_TRUE(made || made.error().code() == ErrorCode::kAlreadyExists) << made.error().message();
  }
  static mesh::v1::CreateTokenRequest token_request(const std::string& user,
                                                    const std::string& scope = "") {
    mesh::v1::CreateTokenRequest request;
    request.set_user_name(user);
    request.set_scope(scope);
    return request;
  }
  mesh::v1::CreateTokenResponse make_token(const mesh::v1::CreateTokenRequest& request) {
    auto token = admin_->create_token(request);
    EXPECT_TRUE(token) << token.error().message();
    return token ? *token : mesh::v1::CreateTokenResponse{};
  }
  std::unique_ptr<rpc::AdminClient> client_of(const std::string& secret) {
    auto client = rpc::AdminClient::connect(address_, secret);
    EXPECT_TRUE(client) << client.error().message();
    return client ? std::make_unique<rpc::AdminClient>(std::move(*client)) : nullptr;
  }
  // Who calls with a new token of a new user that has this role.
  std::unique_ptr<rpc::AdminClient> caller(const std::string& name, const std::string& role = "") {
    make_user(name, role);
    return client_of(make_token(token_request(name)).secret());
  }
  std::vector<mesh::v1::AuditEvent> audit(const std::string& action = "") {
    mesh::v1::ListAuditEventsRequest request;
    request.mutable_filter()->set_action(action);
    const auto page = admin_->list_audit_events(request);
    EXPECT_TRUE(page) << page.error().message();
    if (!page) return {};
    return {page->events().begin(), page->events().end()};
  }
};

}  // namespace kernmesh::server
