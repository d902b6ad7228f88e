// SPDX-License-Identifier: Apache-2.0
// Nodes that join because a person has signed in for them.
#include "tests/unit/server/provider_on_loopback.h"

namespace kernmesh::server {
namespace {

using SignInJoinTest = SignedInTest;

constexpr std::int64_t kHalfAYearS = 181 * 24 * 3600;

TEST_F(SignInJoinTest, who_signs_in_for_a_machine_owns_its_node) {
  const TestNode node;
  ASSERT_EQ(client()->register_node(node.registration()).error().code(), ErrorCode::kNotFound);
  const auto session = join_by(node, ann());
  ASSERT_TRUE(session) << session.error().message();
  EXPECT_EQ(admin_->get_node("host")->user_name(), "ann@example.org");
  EXPECT_EQ(admin_->get_node("host")->join_key_id(), 0u);
  const auto made = user("ann@example.org");
  EXPECT_EQ(made.email(), "ann@example.org");
  EXPECT_EQ(made.issuer(), provider_.issuer());
  EXPECT_EQ(made.subject(), "4711");
  EXPECT_EQ(std::vector(made.groups().begin(), made.groups().end()),
            (std::vector<std::string>{"all hands", "dev"}));
  EXPECT_EQ(audit("user.create").at(0).detail(), "signed in as 4711 of " + provider_.issuer());
  EXPECT_EQ(audit("node.join").at(0).detail(), "signed in by 4711");
}

TEST_F(SignInJoinTest, sign_in_lets_in_one_machine_once) {
  const TestNode node, other;
  ASSERT_TRUE(join_by(node, ann()));
  EXPECT_EQ(client()->register_node(other.registration()).error().code(), ErrorCode::kNotFound);
  ASSERT_TRUE(admin_->remove_node("host"));
  EXPECT_EQ(client()->register_node(node.registration()).error().code(), ErrorCode::kNotFound);
}

TEST_F(SignInJoinTest, one_sign_in_is_one_node_however_often_it_is_used_at_once) {
  constexpr int kAtOnce = 32;
  const TestNode node;
  ASSERT_NE(sign_in(node, ann()).find("<h1>Signed in"), std::string::npos);
  std::vector<NodeId> ids(kAtOnce);
  std::vector<std::thread> threads;
  for (int i = 0; i < kAtOnce; ++i) {
    threads.emplace_back([&, i] {
      const auto session = client()->register_node(node.registration());
      EXPECT_TRUE(session) << session.error().message();
      if (session) ids[static_cast<std::size_t>(i)] = session->node_id;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::set<NodeId>(ids.begin(), ids.end()).size(), 1u);
  EXPECT_EQ(admin_->list_nodes()->nodes_size(), 1);
  EXPECT_EQ(audit("node.join").size(), 1u);
  EXPECT_EQ(audit("node.reauthenticate").size(), 0u);
}

TEST_F(SignInJoinTest, two_machines_of_one_person_are_of_one_user) {
  const TestNode one, two;
  ASSERT_TRUE(join_by(one, ann()));
  ASSERT_TRUE(join_by(two, ann()));
  EXPECT_EQ(user("ann@example.org").node_count(), 2u);
}

TEST_F(SignInJoinTest, machine_of_somebody_else_is_refused_on_the_page) {
  const TestNode node;
  ASSERT_TRUE(join_by(node, ann()));
  const std::string page = sign_in(node, bob());
  EXPECT_NE(page.find("another user&#39;s, who alone can sign it in again"), std::string::npos)
      << page;
  EXPECT_EQ(admin_->list_users()->users_size(), 2) << "no user is made of who is refused";
  EXPECT_EQ(admin_->get_node("host")->user_name(), "ann@example.org");
}

TEST_F(SignInJoinTest, expired_node_comes_back_when_its_user_signs_in) {
  const TestNode node;
  const auto session = join_by(node, ann());
  clock_offset_s_ = kHalfAYearS;
  const auto refused = client()->register_node(node.registration());
  EXPECT_EQ(refused.error().code(), ErrorCode::kExpired);
  EXPECT_NE(refused.error().message().find("meshadm up"), std::string::npos);
  EXPECT_FALSE(join_by(node, bob()));
  EXPECT_EQ(client()->register_node(node.registration()).error().code(), ErrorCode::kExpired);
  const auto back = join_by(node, ann());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->node_id, session->node_id);
  EXPECT_EQ(audit("node.reauthenticate").at(0).detail(), "signed in by 4711");
  const auto days =
      (admin_->get_node("host")->key_expires_at() - now().time_since_epoch().count()) / 86400;
  EXPECT_GE(days, 179);
}

TEST_F(SignInJoinTest, sign_in_before_the_end_begins_the_nodes_time_anew) {
  const TestNode node;
  ASSERT_TRUE(join_by(node, ann()));
  const auto first = admin_->get_node("host")->key_expires_at();
  clock_offset_s_ = 100 * 24 * 3600;
  ASSERT_TRUE(client()->register_node(node.registration()));
  EXPECT_EQ(admin_->get_node("host")->key_expires_at(), first);
  ASSERT_TRUE(join_by(node, ann()));
  EXPECT_GT(admin_->get_node("host")->key_expires_at(), first);
}

// Who came with a key and signs in belongs to himself from then on, not to the key.
TEST_F(SignInJoinTest, node_that_came_by_a_key_is_its_users_to_sign_in) {
  const TestNode node;
  join(node);
  mesh::v1::LinkUserRequest link;
  link.set_name("ann");
  link.set_subject("4711");
  EXPECT_FALSE(join_by(node, ann())) << "ann of the key is not yet who signs in";
  ASSERT_TRUE(admin_->link_user(link));
  clock_offset_s_ = kHalfAYearS;
  const auto back = join_by(node, ann());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(admin_->get_node("host")->join_key_id(), 0u);
  EXPECT_EQ(admin_->get_node("host")->user_name(), "ann");
}

TEST_F(SignInJoinTest, user_who_was_deleted_since_he_signed_in_is_not_let_in) {
  const TestNode node;
  ASSERT_NE(sign_in(node, ann()).find("<h1>Signed in"), std::string::npos);
  ASSERT_TRUE(admin_->delete_user("ann@example.org"));
  EXPECT_EQ(client()->register_node(node.registration()).error().code(),
            ErrorCode::kPermissionDenied);
  EXPECT_TRUE(admin_->list_nodes()->nodes().empty());
}

TEST_F(SignInJoinTest, restarted_server_knows_nobody_who_waits_and_invites_again) {
  const TestNode node;
  const auto client_of_agent = visitor();
  const auto invitation = client_of_agent->start(node.registration());
  ASSERT_TRUE(invitation);
  server_.reset();
  start();
  EXPECT_EQ(visitor()->outcome(invitation->handle).error().code(), ErrorCode::kNotFound);
  EXPECT_NE(visit(invitation->user_code, ann()).find("not waiting for anybody"), std::string::npos);
  EXPECT_TRUE(join_by(node, ann()));
}

TEST_F(SignInJoinTest, join_keys_go_on_beside_it) {
  const TestNode node;
  ASSERT_TRUE(client()->register_node(node.registration(make_key().secret())));
  EXPECT_EQ(admin_->get_node("host")->user_name(), "ann");
}

class WithoutProviderTest : public ServerTest {};

TEST_F(WithoutProviderTest, agent_is_told_that_it_takes_a_join_key) {
  const TestNode node;
  rpc::SignInClient visitor(address_, ca_pem_, server_->fingerprint());
  const auto invitation = visitor.start(node.registration());
  ASSERT_FALSE(invitation);
  EXPECT_EQ(invitation.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(invitation.error().message().find("join key"), std::string::npos);
}

}  // namespace
}  // namespace kernmesh::server
