// SPDX-License-Identifier: Apache-2.0
// Policies as administrators set them and as agents see what they do.
#include "controller/core/policy/network_policy.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

constexpr const char* kEverybody =
    R"({"tagOwners": {"tag:web": ["ann@"]},
        "acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]})";
constexpr const char* kNobody = R"({"acls": []})";

class PolicyTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    ASSERT_TRUE(admin_->create_user("bob"));
  }
  Result<mesh::v1::SetPolicyResponse> set(const std::string& text, std::uint32_t expected = 0) {
    mesh::v1::SetPolicyRequest request;
    request.set_text(text);
    request.set_expected_revision(expected);
    request.set_comment("a test");
    return admin_->set_policy(request);
  }
  rpc::Session join_as(const TestNode& node, const std::string& user) {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_user_name(user);
    const auto key = admin_->create_join_key(request);
    EXPECT_TRUE(key) << key.error().message();
    const auto session = client()->register_node(node.registration(key->secret()));
    EXPECT_TRUE(session) << session.error().message();
    return session ? *session : rpc::Session{};
  }
};

bool sees_come(const std::vector<rpc::Update>& updates, NodeId id) {
  return std::any_of(updates.begin(), updates.end(), [&](const rpc::Update& update) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    return delta != nullptr && std::any_of(delta->upserted.begin(), delta->upserted.end(),
                                           [&](const auto& peer) { return peer.id == id; });
  });
}

bool sees_go(const std::vector<rpc::Update>& updates, NodeId id) {
  return std::any_of(updates.begin(), updates.end(), [&](const rpc::Update& update) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    return delta != nullptr && std::count(delta->removed.begin(), delta->removed.end(), id) == 1;
  });
}

TEST_F(PolicyTest, policy_set_is_kept_with_those_before_it) {
  const auto second = set(kEverybody);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(second->policy().revision(), 2u);
  ASSERT_TRUE(set(kNobody));
  server_.reset();
  start();
  const auto list = admin_->list_policies();
  ASSERT_EQ(list->policies_size(), 3);
  EXPECT_EQ(list->policies(0).revision(), 3u);
  EXPECT_EQ(list->policies(0).author(), "administrator token");
  EXPECT_EQ(list->policies(0).comment(), "a test");
  EXPECT_EQ(list->policies(2).author(), "server");
  EXPECT_EQ(admin_->get_policy()->text(), kNobody);
  EXPECT_EQ(admin_->get_policy(2)->text(), kEverybody);
  EXPECT_EQ(admin_->get_policy(1)->text(), policy::kStarterPolicy);
  EXPECT_EQ(admin_->get_policy(4).error().code(), ErrorCode::kNotFound);
}

TEST_F(PolicyTest, rejected_policy_tells_every_finding_and_changes_nothing) {
  const auto refused =
      set("{\n\"acls\": [\n{\"action\": \"accept\", \"src\": [\"group:a\"],\n"
          "\"dst\": [\"tag:b:22\"]}]}");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(refused.error().message().find("3:"), std::string::npos) << refused.error().message();
  EXPECT_NE(refused.error().message().find("\n4:"), std::string::npos) << refused.error().message();
  EXPECT_EQ(admin_->list_policies()->policies_size(), 1);
  const auto checked = admin_->check_policy("{\"acls\": 7}");
  ASSERT_TRUE(checked);
  EXPECT_FALSE(checked->accepted());
  EXPECT_EQ(checked->findings(0).kind(), mesh::v1::PolicyFinding::KIND_VALIDATION);
}

TEST_F(PolicyTest, text_that_is_in_force_already_makes_no_revision) {
  ASSERT_TRUE(set(kEverybody));
  const auto again = set(kEverybody);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->policy().revision(), 2u);
}

TEST_F(PolicyTest, of_many_that_expect_the_same_revision_one_is_set) {
  std::atomic<int> made = 0, conflicts = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      auto admin = rpc::AdminClient::connect(address_, token_);
      ASSERT_TRUE(admin);
      mesh::v1::SetPolicyRequest request;
      request.set_text(kNobody + std::string("// ") + std::to_string(i));
      request.set_expected_revision(1);
      const auto answer = admin->set_policy(request);
      if (answer) ++made;
      if (!answer && answer.error().code() == ErrorCode::kConflict) ++conflicts;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(conflicts, 7);
}

TEST_F(PolicyTest, peers_appear_and_vanish_with_the_policy) {
  const TestNode a, b;
  const auto session = join_as(a, "ann");
  const auto other = join_as(b, "bob");
  Watcher watcher(client(), session);
  EXPECT_TRUE(std::get<netmap::Netmap>(watcher.first()).peers.empty());
  ASSERT_TRUE(set(kEverybody));
  watcher.wait([&](const auto& all) { return sees_come(all, other.node_id); });
  ASSERT_TRUE(set(kNobody));
  watcher.wait([&](const auto& all) { return sees_go(all, other.node_id); });
}

TEST_F(PolicyTest, rollout_names_whoever_has_not_applied_what_concerns_it) {
  const TestNode a;
  const auto session = join_as(a, "ann");
  Watcher watcher(client(), session);
  const auto first = std::get<netmap::Netmap>(watcher.first());
  rpc::Report report;
  report.applied = first.version;
  ASSERT_TRUE(client()->report(session, report));
  const auto answer = set(kEverybody);
  ASSERT_TRUE(answer);
  const auto behind = admin_->get_rollout(answer->version());
  ASSERT_TRUE(behind) << behind.error().message();
  ASSERT_EQ(behind->laggards_size(), 1);
  EXPECT_EQ(behind->laggards(0).node(), "host");
  EXPECT_TRUE(behind->laggards(0).online());
  report.applied = rpc::from_proto(answer->version());
  ASSERT_TRUE(client()->report(session, report));
  EXPECT_EQ(admin_->get_rollout(answer->version())->laggards_size(), 0);
  EXPECT_EQ(admin_->get_rollout(answer->version())->current(), 1u);
}

TEST_F(PolicyTest, tags_want_an_owner_in_the_policy_in_force) {
  const TestNode a;
  join_as(a, "ann");
  EXPECT_EQ(admin_->tag_node("host", {"tag:web"}).error().code(), ErrorCode::kInvalid);
  ASSERT_TRUE(set(kEverybody));
  EXPECT_EQ(admin_->tag_node("host", {"web"}).error().code(), ErrorCode::kInvalid);
  const auto tagged = admin_->tag_node("host", {"tag:web", "tag:web"});
  ASSERT_TRUE(tagged) << tagged.error().message();
  ASSERT_EQ(tagged->tags_size(), 1);
  EXPECT_EQ(tagged->user_name(), "ann");
  EXPECT_EQ(admin_->get_inventory()->nodes(0).tags(0), "tag:web");
}

TEST_F(PolicyTest, users_have_emails_that_no_other_user_is_named_by) {
  mesh::v1::CreateUserRequest request;
  request.set_name("carl");
  request.set_email("Carl@example.com");
  request.add_roles("auditor");
  const auto user = admin_->create_user(request);
  ASSERT_TRUE(user) << user.error().message();
  EXPECT_EQ(user->roles(0), "auditor");
  EXPECT_EQ(admin_->get_inventory()->domains(0), "example.com");
  request.set_name("carla");
  request.set_email("carl@EXAMPLE.com");
  EXPECT_EQ(admin_->create_user(request).error().code(), ErrorCode::kAlreadyExists);
  request.set_email("carla");
  EXPECT_EQ(admin_->create_user(request).error().code(), ErrorCode::kInvalid);
  request.set_email("carla@example.com");
  request.add_roles("king");
  EXPECT_EQ(admin_->create_user(request).error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace kernmesh::server
