// SPDX-License-Identifier: Apache-2.0
// Join keys under attack and in use: C3 and C4 of the adversarial table.
#include <cstdlib>

#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

class JoinKeyTest : public PeopleTest {
 protected:
  Error refused(const std::string& key) {
    const auto session = client()->register_node(TestNode().registration(key));
    EXPECT_FALSE(session);
    return session ? Error(ErrorCode::kSystem, "was let in") : session.error();
  }
  mesh::v1::CreateJoinKeyResponse key_with(const std::vector<std::string>& tags) {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_user_name("ann");
    request.set_reusable(true);
    request.mutable_tags()->Add(tags.begin(), tags.end());
    const auto key = admin_->create_join_key(request);
    EXPECT_TRUE(key) << key.error().message();
    return key ? *key : mesh::v1::CreateJoinKeyResponse{};
  }
  // Connected, so that whatever fails from now on is the server's word. On a busy machine gRPC
  // gives up on a connection now and then.
  std::unique_ptr<rpc::CoordinationClient> connected_client() {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    auto made = client();
    for (;;) {
      const auto answer = made->register_node(TestNode().registration("no key"));
      EXPECT_FALSE(answer);
      if (answer || answer.error().code() != ErrorCode::kUnavailable) return made;
      if (std::chrono::steady_clock::now() >= deadline) {
        ADD_FAILURE() << answer.error().message();
        return made;
      }
    }
  }
  void set_policy(const std::string& text) {
    mesh::v1::SetPolicyRequest request;
    request.set_text(text);
    const auto set = admin_->set_policy(request);
    ASSERT_TRUE(set) << set.error().message();
  }
};

// C3: 100 parallel uses of a single-use key. 15 rounds, 1,000 with KERNMESH_LONG,
// most of whose time is pauses.
TEST_F(JoinKeyTest, c3_a_single_use_key_used_a_hundred_times_at_once_makes_one_node) {
  const char* is_long = std::getenv("KERNMESH_LONG");
  // Two calls each: three connections that share a place make no more than it has at once, and it
  // is full again when the pause is over (rpc/connection_calls.h).
  constexpr int kWithoutPause = 15;
  constexpr auto kPause = std::chrono::seconds(10);
  const int rounds = is_long != nullptr && *is_long != '\0' ? 1000 : kWithoutPause;
  constexpr int kParallel = 100;
  // Connections cost more than registrations: each thread keeps its own for all rounds.
  std::vector<std::unique_ptr<rpc::CoordinationClient>> clients;
  for (int i = 0; i < kParallel; ++i) clients.push_back(connected_client());
  for (int round = 0; round < rounds; ++round) {
    if (round > 0 && round % kWithoutPause == 0) std::this_thread::sleep_for(kPause);
    const auto key = make_key();
    std::vector<TestNode> nodes(kParallel);
    std::atomic<int> joined = 0, denied = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kParallel; ++i) {
      threads.emplace_back([&, i] {
        const auto session = clients[i]->register_node(nodes[i].registration(key.secret()));
        if (session) ++joined;
        if (!session && session.error().code() == ErrorCode::kPermissionDenied) ++denied;
      });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(joined, 1) << "round " << round;
    ASSERT_EQ(denied, kParallel - 1) << "round " << round;
    const auto nodes_now = admin_->list_nodes();
    ASSERT_EQ(nodes_now->nodes_size(), 1) << "round " << round;
    ASSERT_TRUE(admin_->remove_node(std::to_string(nodes_now->nodes(0).id())));
  }
}

// C4: stolen, expired and revoked keys are of no use, and revoking cuts off who came by them.
TEST_F(JoinKeyTest, c4_a_stolen_key_is_revoked_together_with_the_nodes_that_came_by_it) {
  const auto stolen = make_key(Use::kOften);
  TestNode thief, honest;
  honest.hostname = "honest";
  const auto session = client()->register_node(thief.registration(stolen.secret()));
  ASSERT_TRUE(session);
  join(honest);
  const auto key = admin_->list_join_keys()->keys(0);
  ASSERT_EQ(key.nodes_size(), 1);
  EXPECT_EQ(key.nodes(0), "host");
  const auto kept = admin_->revoke_join_key(stolen.key().id());
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->nodes_size(), 1) << "it stays, and is named";
  EXPECT_TRUE(client()->report(*session, {}));
  EXPECT_NE(refused(stolen.secret()).message().find("revoked"), std::string::npos);
  const auto cut =
      admin_->revoke_join_key(stolen.key().id(), rpc::AdminClient::OfKey::kRemoveNodes);
  ASSERT_TRUE(cut) << cut.error().message();
  ASSERT_EQ(cut->nodes_size(), 1);
  EXPECT_EQ(cut->nodes(0), "host");
  EXPECT_EQ(client()->report(*session, {}).error().code(), ErrorCode::kNotFound);
  ASSERT_EQ(admin_->list_nodes()->nodes_size(), 1);
  EXPECT_EQ(admin_->list_nodes()->nodes(0).name(), "honest");
  EXPECT_EQ(audit("node.remove")[0].detail(),
            "with its join key " + std::to_string(stolen.key().id()));
}

TEST_F(JoinKeyTest, c4_an_expired_key_lets_nobody_in) {
  const auto key = make_key();
  clock_offset_s_ = 24 * 3600;
  const auto error = refused(key.secret());
  EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied);
  EXPECT_NE(error.message().find("expired"), std::string::npos);
}

TEST_F(JoinKeyTest, c4_wrong_tags_are_refused_when_the_key_is_made_and_when_it_is_used) {
  mesh::v1::CreateJoinKeyRequest request;
  request.set_user_name("ann");
  for (const char* tag : {"tag:web", "web", "tag:"}) {
    request.clear_tags();
    request.add_tags(tag);
    EXPECT_EQ(admin_->create_join_key(request).error().code(), ErrorCode::kInvalid) << tag;
  }
  set_policy(R"({"tagOwners": {"tag:web": [], "tag:prod": []}, "acls": []})");
  const auto key = key_with({"tag:web", "tag:prod", "tag:web"});
  EXPECT_EQ(key.key().tags_size(), 2);
  const TestNode node;
  ASSERT_TRUE(client()->register_node(node.registration(key.secret())));
  const auto joined = admin_->get_node("host");
  ASSERT_EQ(joined->tags_size(), 2);
  EXPECT_EQ(joined->tags(0), "tag:prod");
  EXPECT_EQ(joined->join_key_id(), key.key().id());
  ASSERT_TRUE(admin_->tag_node("host", {}));
  set_policy(R"({"tagOwners": {"tag:prod": []}, "acls": []})");
  const auto error = refused(key.secret());
  EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied);
  EXPECT_NE(error.message().find("tag:web"), std::string::npos) << error.message();
}

TEST_F(JoinKeyTest, a_node_belongs_to_the_key_that_it_came_back_by) {
  const TestNode node;
  join(node);
  clock_offset_s_ = 181 * 24 * 3600;
  const auto second = make_key();
  ASSERT_TRUE(client()->register_node(node.registration(second.secret())));
  EXPECT_EQ(admin_->get_node("host")->join_key_id(), second.key().id());
  server_.reset();
  start();
  EXPECT_EQ(admin_->get_node("host")->join_key_id(), second.key().id());
}

}  // namespace
}  // namespace kernmesh::server
