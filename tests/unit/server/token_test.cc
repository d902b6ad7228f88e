// SPDX-License-Identifier: Apache-2.0
// API tokens: what they carry, and when they end.
#include <fstream>
#include <iterator>

#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

using TokenTest = PeopleTest;

ErrorCode code_of(const auto& result) {
  return result ? ErrorCode::kSystem : result.error().code();
}

TEST_F(TokenTest, a_token_acts_for_its_user_and_says_so) {
  auto request = token_request("ada", "read");
  request.set_comment("the dashboard");
  make_user("ada", "admin");
  const auto made = make_token(request);
  EXPECT_TRUE(made.secret().starts_with("ma-"));
  EXPECT_TRUE(made.secret().ends_with(made.token().hint()));
  const auto client = client_of(made.secret());
  const auto who = client->get_caller();
  ASSERT_TRUE(who) << who.error().message();
  EXPECT_EQ(who->name(), "user ada, token " + std::to_string(made.token().id()));
  EXPECT_EQ(who->user_name(), "ada");
  EXPECT_EQ(who->role(), "admin");
  EXPECT_EQ(who->scope(), "read");
  EXPECT_EQ(who->expires_at(), made.token().expires_at());
  EXPECT_TRUE(client->list_nodes());
  EXPECT_EQ(code_of(client->create_user("eve")), ErrorCode::kPermissionDenied);
  const auto listed = admin_->list_tokens();
  ASSERT_EQ(listed->tokens_size(), 1);
  EXPECT_EQ(listed->tokens(0).comment(), "the dashboard");
  EXPECT_GT(listed->tokens(0).last_used_at(), 0);
  EXPECT_EQ(admin_->get_caller()->name(), "administrator token");
}

TEST_F(TokenTest, the_secret_is_nowhere_on_the_disk_and_the_token_outlives_a_restart) {
  make_user("ada", "auditor");
  const auto made = make_token(token_request("ada"));
  const auto used = make_key(), unused = make_key();
  ASSERT_TRUE(client()->register_node(TestNode().registration(used.secret())));
  server_.reset();
  for (const auto& text : {made.secret(), used.secret(), unused.secret()}) {
    const auto ticket = *topology::parse_ticket(text);
    const std::string secret(ticket.secret.bytes().begin(), ticket.secret.bytes().end());
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(file), {});
      EXPECT_EQ(bytes.find(secret), std::string::npos) << entry.path() << " " << text.substr(0, 3);
      EXPECT_EQ(bytes.find(text), std::string::npos) << entry.path() << " " << text.substr(0, 3);
    }
  }
  start();
  EXPECT_TRUE(client_of(made.secret())->list_users());
}

TEST_F(TokenTest, a_token_has_the_roles_that_its_user_has_now) {
  const auto ada = caller("ada", "network-admin");
  const auto key = make_key();
  EXPECT_EQ(code_of(ada->remove_node("nobody")), ErrorCode::kNotFound);
  ASSERT_TRUE(admin_->set_user_roles("ada", {"auditor"}));
  EXPECT_EQ(code_of(ada->remove_node("nobody")), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(ada->list_nodes());
  ASSERT_TRUE(admin_->set_user_roles("ada", {"owner"}));
  EXPECT_EQ(ada->get_caller()->role(), "network-admin") << "as it was made";
}

TEST_F(TokenTest, ends_with_its_time_its_revocation_and_its_user) {
  make_user("ada", "admin");
  auto request = token_request("ada");
  request.set_lifetime_seconds(3600);
  const auto old = client_of(make_token(request).secret());
  clock_offset_s_ = 3600 - 60;  // the clock goes on, so not to the second
  EXPECT_TRUE(old->list_users());
  clock_offset_s_ = 3600;
  EXPECT_EQ(code_of(old->list_users()), ErrorCode::kUnauthenticated);
  const auto made = make_token(token_request("ada"));
  const auto client = client_of(made.secret());
  EXPECT_TRUE(client->list_users());
  ASSERT_TRUE(admin_->revoke_token(made.token().id()));
  EXPECT_EQ(code_of(client->list_users()), ErrorCode::kUnauthenticated);
  const auto last = client_of(make_token(token_request("ada")).secret());
  ASSERT_TRUE(admin_->delete_user("ada"));
  EXPECT_EQ(code_of(last->list_users()), ErrorCode::kUnauthenticated);
  EXPECT_EQ(admin_->list_tokens()->tokens_size(), 0);
}

TEST_F(TokenTest, nobody_makes_a_token_that_carries_more_than_he_has) {
  make_user("olga", "owner");
  const auto adam = caller("adam", "admin");
  const auto mia = caller("mia");
  auto request = token_request("olga");
  request.set_role("owner");
  EXPECT_EQ(code_of(adam->create_token(request)), ErrorCode::kPermissionDenied);
  request.clear_role();
  const auto limited = adam->create_token(request);
  ASSERT_TRUE(limited) << limited.error().message();
  EXPECT_EQ(limited->token().role(), "admin");
  EXPECT_EQ(code_of(mia->create_token(request)), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code_of(mia->create_token(token_request("nobody"))), ErrorCode::kPermissionDenied);
  const auto own = mia->create_token(token_request(""));
  ASSERT_TRUE(own) << own.error().message();
  EXPECT_EQ(own->token().user_name(), "mia");
  EXPECT_EQ(own->token().role(), "member");
  request = token_request("mia");
  request.set_role("auditor");
  EXPECT_EQ(code_of(adam->create_token(request)), ErrorCode::kInvalid) << "mia is no auditor";
}

TEST_F(TokenTest, a_token_made_with_another_does_not_outlive_it) {
  make_user("ada", "admin");
  auto request = token_request("ada");
  request.set_lifetime_seconds(3600);
  const auto made = make_token(request);
  const auto ada = client_of(made.secret());
  request.set_lifetime_seconds(7200);
  EXPECT_EQ(code_of(ada->create_token(request)), ErrorCode::kPermissionDenied);
  request.set_lifetime_seconds(0);
  const auto child = ada->create_token(request);
  ASSERT_TRUE(child) << child.error().message();
  EXPECT_EQ(child->token().expires_at(), made.token().expires_at());
}

TEST_F(TokenTest, nobody_gives_takes_or_removes_a_role_above_his_own) {
  make_user("olga", "owner");
  const auto adam = caller("adam", "admin");
  mesh::v1::CreateUserRequest request;
  request.set_name("eve");
  request.add_roles("owner");
  EXPECT_EQ(code_of(adam->create_user(request)), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code_of(adam->set_user_roles("adam", {"owner"})), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code_of(adam->set_user_roles("olga", {})), ErrorCode::kPermissionDenied);
  EXPECT_EQ(code_of(adam->delete_user("olga")), ErrorCode::kPermissionDenied);
  auto token = make_token(token_request("olga"));
  EXPECT_EQ(code_of(adam->revoke_token(token.token().id())), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(adam->set_user_roles("ann", {"admin", "it-admin"}));
  EXPECT_EQ(code_of(adam->set_user_roles("ann", {"king"})), ErrorCode::kInvalid);
}

TEST_F(TokenTest, a_member_sees_and_ends_only_what_is_his_own) {
  const auto mia = caller("mia");
  join(TestNode());  // ann's
  mesh::v1::CreateJoinKeyRequest key;
  key.set_user_name("mia");
  TestNode node;
  node.hostname = "mias";
  ASSERT_TRUE(client()->register_node(node.registration(admin_->create_join_key(key)->secret())));
  const auto nodes = mia->list_nodes();
  ASSERT_EQ(nodes->nodes_size(), 1);
  EXPECT_EQ(nodes->nodes(0).name(), "mias");
  EXPECT_TRUE(mia->get_node("mias"));
  EXPECT_EQ(code_of(mia->get_node("host")), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(mia->get_node("1")), ErrorCode::kNotFound);
  ASSERT_EQ(mia->list_users()->users_size(), 1);
  EXPECT_EQ(mia->list_users()->users(0).name(), "mia");
  const auto anns = make_token(token_request("ann"));
  ASSERT_EQ(mia->list_tokens()->tokens_size(), 1);
  EXPECT_EQ(code_of(mia->revoke_token(anns.token().id())), ErrorCode::kNotFound);
  EXPECT_TRUE(mia->revoke_token(mia->list_tokens()->tokens(0).id()));
  EXPECT_EQ(code_of(mia->list_nodes()), ErrorCode::kUnauthenticated);
}

TEST_F(TokenTest, malformed_requests_are_refused) {
  auto request = token_request("ann", "everything");
  EXPECT_EQ(code_of(admin_->create_token(request)), ErrorCode::kInvalid);
  request = token_request("ann");
  request.set_role("king");
  EXPECT_EQ(code_of(admin_->create_token(request)), ErrorCode::kInvalid);
  request = token_request("ann");
  request.set_lifetime_seconds(-1);
  EXPECT_EQ(code_of(admin_->create_token(request)), ErrorCode::kInvalid);
  request.set_lifetime_seconds(366 * 86'400);
  EXPECT_EQ(code_of(admin_->create_token(request)), ErrorCode::kInvalid);
  request = token_request("ann");
  request.set_comment("two\nlines");
  EXPECT_EQ(code_of(admin_->create_token(request)), ErrorCode::kInvalid);
  EXPECT_EQ(code_of(admin_->create_token(token_request("nobody"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(admin_->create_token(token_request(""))), ErrorCode::kInvalid);
  EXPECT_EQ(admin_->list_tokens()->tokens_size(), 0);
}

// Whether the one who watches has a peer after these updates.
bool has_peer(const std::vector<rpc::Update>& updates) {
  bool has = false;
  for (const auto& update : updates) {
    if (const auto* map = std::get_if<netmap::Netmap>(&update)) has = !map->peers.empty();
    if (const auto* delta = std::get_if<netmap::Delta>(&update)) {
      has = !delta->upserted.empty() || (has && delta->removed.empty());
    }
  }
  return has;
}

TEST_F(TokenTest, a_change_of_roles_reaches_the_policy_as_each_of_the_six_autogroups) {
  make_user("bob");
  mesh::v1::CreateJoinKeyRequest key;
  key.set_user_name("bob");
  const TestNode target, source;
  join(target);
  ASSERT_TRUE(client()->register_node(source.registration(admin_->create_join_key(key)->secret())));
  mesh::v1::SetPolicyRequest policy;
  policy.set_text(R"({"acls": []})");
  ASSERT_TRUE(admin_->set_policy(policy));
  Watcher watcher(client(), *client()->register_node(target.registration()));
  EXPECT_FALSE(has_peer({watcher.first()}));
  for (const std::string role :
       {"owner", "admin", "network-admin", "it-admin", "billing-admin", "auditor"}) {
    SCOPED_TRACE(role);
    policy.set_text(R"({"acls": [{"action": "accept", "src": ["autogroup:)" + role +
                    R"("], "dst": ["*:22"]}]})");
    ASSERT_TRUE(admin_->set_policy(policy));
    ASSERT_TRUE(admin_->set_user_roles("bob", {role}));
    watcher.wait([](const auto& updates) { return has_peer(updates); });
    ASSERT_TRUE(admin_->set_user_roles("bob", {}));
    watcher.wait([](const auto& updates) { return !has_peer(updates); });
  }
}

}  // namespace
}  // namespace kernmesh::server
