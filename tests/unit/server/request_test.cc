// SPDX-License-Identifier: Apache-2.0
// Requests that come again, and lists in pages.
#include <grpcpp/grpcpp.h>

#include "controller/rpc/channel.h"
#include "controller/store/store.h"
#include "mesh/v1/admin.grpc.pb.h"
#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

constexpr const char* kRequestId = "6f1b0c9e-7f0a-4f3e-9b36-2f6d3c1c0a11";

class RequestTest : public PeopleTest {
 protected:
  mesh::v1::CreateJoinKeyRequest key_request(const std::string& id) {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_user_name("ann");
    request.set_request_id(id);
    return request;
  }
  std::unique_ptr<mesh::v1::Admin::Stub> stub() {
    return mesh::v1::Admin::NewStub(
        rpc::secure_channel(address_, ca_pem_, rpc::ChannelUse::kCalls));
  }
  std::unique_ptr<grpc::ClientContext> context() {
    auto made = std::make_unique<grpc::ClientContext>();
    made->AddMetadata("authorization", "Bearer " + token_);
    return made;
  }
};

TEST_F(RequestTest, the_same_request_again_answers_the_same_and_makes_nothing) {
  const auto first = admin_->create_join_key(key_request(kRequestId));
  ASSERT_TRUE(first) << first.error().message();
  const auto again = admin_->create_join_key(key_request(kRequestId));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(admin_->list_join_keys()->keys_size(), 1);
  server_.reset();
  start();
  EXPECT_EQ(admin_->create_join_key(key_request(kRequestId))->secret(), first->secret());
  EXPECT_TRUE(client()->register_node(TestNode().registration(first->secret())));
  mesh::v1::CreateUserRequest user;
  user.set_name("bob");
  user.set_request_id("bob-of-the-first-of-march");
  const auto bob = admin_->create_user(user);
  ASSERT_TRUE(bob);
  EXPECT_EQ(admin_->create_user(user)->id(), bob->id());
  auto token = token_request("ann");
  token.set_request_id("token-of-the-first-of-march");
  const auto made = make_token(token);
  EXPECT_EQ(make_token(token).secret(), made.secret());
  EXPECT_TRUE(client_of(made.secret())->get_caller());
}

TEST_F(RequestTest, another_request_with_the_same_id_is_refused) {
  ASSERT_TRUE(admin_->create_join_key(key_request(kRequestId)));
  auto other = key_request(kRequestId);
  other.set_reusable(true);
  EXPECT_EQ(admin_->create_join_key(other).error().code(), ErrorCode::kAlreadyExists);
  mesh::v1::CreateUserRequest user;
  user.set_name("bob");
  user.set_request_id(kRequestId);
  EXPECT_EQ(admin_->create_user(user).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(admin_->list_users()->users_size(), 1);
}

TEST_F(RequestTest, an_id_is_its_users_own_and_is_forgotten_after_a_day) {
  const auto first = admin_->create_join_key(key_request(kRequestId));
  const auto ada = caller("ada", "admin");
  const auto adas = ada->create_join_key(key_request(kRequestId));
  ASSERT_TRUE(adas) << adas.error().message();
  EXPECT_NE(adas->secret(), first->secret());
  clock_offset_s_ = 24 * 3600 + 1;
  const auto anew = admin_->create_join_key(key_request(kRequestId));
  ASSERT_TRUE(anew) << anew.error().message();
  EXPECT_NE(anew->secret(), first->secret());
  EXPECT_NE(anew->key().id(), first->key().id());
}

TEST_F(RequestTest, the_same_request_many_times_at_once_makes_one) {
  std::mutex mutex;
  std::set<std::string> answers;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      mesh::v1::CreateUserRequest request;
      request.set_name("bob");
      request.set_request_id(kRequestId);
      const auto user = client_of(token_)->create_user(request);
      EXPECT_TRUE(user) << user.error().message();
      const std::lock_guard lock(mutex);
      if (user) answers.insert(user->SerializeAsString());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answers.size(), 1u);
  EXPECT_EQ(admin_->list_users()->users_size(), 2);
}

TEST_F(RequestTest, what_was_removed_since_is_not_found) {
  mesh::v1::CreateUserRequest request;
  request.set_name("bob");
  request.set_request_id(kRequestId);
  ASSERT_TRUE(admin_->create_user(request));
  ASSERT_TRUE(admin_->delete_user("bob"));
  EXPECT_EQ(admin_->create_user(request).error().code(), ErrorCode::kNotFound);
}

TEST_F(RequestTest, malformed_ids_are_refused) {
  for (const std::string& id :
       {std::string("short"), std::string(65, 'x'), std::string("has a space in the id"),
        std::string("0123456789abcde\x7f")}) {
    EXPECT_EQ(admin_->create_join_key(key_request(id)).error().code(), ErrorCode::kInvalid) << id;
  }
}

TEST_F(RequestTest, pages_are_stable_while_entries_come_and_go) {
  for (int i = 0; i < 9; ++i) make_user("u" + std::to_string(i));  // ids 2 to 10, after ann
  const auto admin = stub();
  mesh::v1::ListUsersRequest request;
  request.set_page_size(3);
  std::vector<std::string> names;
  for (int page = 0;; ++page) {
    mesh::v1::ListUsersResponse response;
    ASSERT_TRUE(admin->ListUsers(context().get(), request, &response).ok());
    EXPECT_LE(response.users_size(), 3);
    for (const auto& user : response.users()) names.push_back(user.name());
    if (page == 0) {
      ASSERT_TRUE(admin_->delete_user("u1"));  // the last of this page
      ASSERT_TRUE(admin_->delete_user("u3"));  // of the next one
      make_user("new");
    }
    if (response.next_page_token().empty()) break;
    request.set_page_token(response.next_page_token());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"ann", "u0", "u1", "u2", "u4", "u5", "u6", "u7", "u8",
                                             "new"}));
}

TEST_F(RequestTest, policies_come_in_pages_newest_first) {
  mesh::v1::SetPolicyRequest policy;
  for (const char* port : {"22", "23", "24", "25"}) {
    policy.set_text(R"({"acls": [{"action": "accept", "src": ["*"], "dst": ["*:)" +
                    std::string(port) + R"("]}]})");
    ASSERT_TRUE(admin_->set_policy(policy));
  }
  const auto admin = stub();
  mesh::v1::ListPoliciesRequest request;
  request.set_page_size(2);
  std::vector<std::uint32_t> revisions;
  for (;;) {
    mesh::v1::ListPoliciesResponse response;
    ASSERT_TRUE(admin->ListPolicies(context().get(), request, &response).ok());
    for (const auto& head : response.policies()) revisions.push_back(head.revision());
    if (response.next_page_token().empty()) break;
    request.set_page_token(response.next_page_token());
  }
  EXPECT_EQ(revisions, (std::vector<std::uint32_t>{5, 4, 3, 2, 1}));
}

TEST_F(RequestTest, a_page_token_of_nobodys_making_is_refused) {
  const auto admin = stub();
  for (const char* token :
       {"x", "after-", "after-1x", "after--1", "after-01", "after-99999999999999999999999"}) {
    mesh::v1::ListNodesRequest request;
    request.set_page_token(token);
    mesh::v1::ListNodesResponse response;
    EXPECT_EQ(admin->ListNodes(context().get(), request, &response).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT)
        << token;
  }
}

}  // namespace
}  // namespace kernmesh::server
