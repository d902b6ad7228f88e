// SPDX-License-Identifier: Apache-2.0
#include <grpcpp/grpcpp.h>

#include "controller/rpc/channel.h"
#include "controller/rpc/convert.h"
#include "controller/rpc/status.h"
#include "mesh/v1/coordination.grpc.pb.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

class JoinTest : public ServerTest {
 protected:
  Error refused(const TestNode& node, const std::string& key) {
    const auto session = client()->register_node(node.registration(key));
    EXPECT_FALSE(session);
    return session ? Error(ErrorCode::kSystem, "was let in") : session.error();
  }
};

TEST_F(JoinTest, single_use_key_lets_one_machine_in) {
  const auto key = make_key();
  const TestNode a, b;
  ASSERT_TRUE(client()->register_node(a.registration(key.secret())));
  const auto error = refused(b, key.secret());
  EXPECT_EQ(error.code(), ErrorCode::kPermissionDenied);
  EXPECT_NE(error.message().find("used already"), std::string::npos) << error.message();
  EXPECT_EQ(admin_->list_join_keys()->keys(0).use_count(), 1u);
}

TEST_F(JoinTest, twenty_machines_with_one_single_use_key_at_once_make_one_node) {
  const auto key = make_key();
  std::atomic<int> joined = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      const TestNode node;
      if (client()->register_node(node.registration(key.secret()))) ++joined;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(joined, 1);
  EXPECT_EQ(admin_->list_nodes()->nodes_size(), 1);
}

TEST_F(JoinTest, key_that_is_wrong_expired_or_revoked_is_told_apart) {
  const TestNode node;
  topology::Ticket unknown;
  unknown.ca = server_->fingerprint();
  EXPECT_NE(refused(node, to_string(unknown)).message().find("not known"), std::string::npos);
  unknown.ca[0] ^= 1;
  EXPECT_NE(refused(node, to_string(unknown)).message().find("another server"), std::string::npos);
  EXPECT_EQ(refused(node, "mk-nonsense").code(), ErrorCode::kInvalid);
  EXPECT_EQ(refused(node, token_).code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(refused(node, "").code(), ErrorCode::kNotFound);
  const auto revoked = make_key();
  ASSERT_TRUE(admin_->revoke_join_key(revoked.key().id()));
  EXPECT_NE(refused(node, revoked.secret()).message().find("revoked"), std::string::npos);
  const auto old = make_key();
  clock_offset_s_ = 25 * 3600;
  EXPECT_NE(refused(node, old.secret()).message().find("has expired"), std::string::npos);
  EXPECT_EQ(admin_->list_nodes()->nodes_size(), 0);
}

TEST_F(JoinTest, known_machine_comes_back_without_a_key_and_may_rotate_its_keys) {
  TestNode node;
  const auto first = join(node);
  const auto again = client()->register_node(node.registration());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->node_id, first.node_id);
  const auto address = admin_->get_node("host")->addresses(0);
  randombytes_buf(node.node.mutable_bytes().data(), 32);
  ASSERT_TRUE(client()->register_node(node.registration()));
  const auto shown = admin_->get_node("host");
  EXPECT_EQ(shown->node_key(), rpc::to_wire(node_public_key(node.node)));
  EXPECT_EQ(shown->addresses(0), address);
}

TEST_F(JoinTest, c1_another_nodes_node_key_or_disco_key_is_refused) {
  const TestNode victim;
  join(victim);
  for (const bool steals_node_key : {true, false}) {
    TestNode thief;
    (steals_node_key ? thief.node : thief.disco) = steals_node_key ? victim.node : victim.disco;
    EXPECT_EQ(refused(thief, make_key().secret()).code(), ErrorCode::kAlreadyExists);
  }
  EXPECT_EQ(admin_->list_nodes()->nodes_size(), 1);
}

TEST_F(JoinTest, c2_replayed_registration_is_refused) {
  const TestNode node;
  const auto stub = mesh::v1::Coordination::NewStub(
      rpc::secure_channel(address_, ca_pem_, rpc::ChannelUse::kCalls));
  mesh::v1::ChallengeRequest challenge;
  challenge.set_machine_key(rpc::to_wire(machine_public_key(node.machine)));
  mesh::v1::ChallengeResponse nonce;
  grpc::ClientContext first;
  ASSERT_TRUE(stub->Challenge(&first, challenge, &nonce).ok());
  const std::vector<std::uint8_t> bytes(nonce.nonce().begin(), nonce.nonce().end());
  const auto signature =
      sign(node.machine,
           topology::registration_message(server_->fingerprint(), bytes, node_public_key(node.node),
                                          disco_public_key(node.disco)));
  mesh::v1::RegisterRequest request;
  request.set_nonce(nonce.nonce());
  request.set_machine_key(challenge.machine_key());
  request.set_node_key(rpc::to_wire(node_public_key(node.node)));
  request.set_disco_key(rpc::to_wire(disco_public_key(node.disco)));
  request.set_signature(signature.data(), signature.size());
  request.set_join_key(make_key(Use::kOften).secret());
  const auto register_with = [&](const mesh::v1::RegisterRequest& message) {
    grpc::ClientContext context;
    mesh::v1::RegisterResponse response;
    return stub->Register(&context, message, &response);
  };
  auto forged = request;
  forged.mutable_signature()->at(5) ^= 1;
  EXPECT_EQ(register_with(forged).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  ASSERT_TRUE(register_with(request).ok());
  const auto replayed = register_with(request);
  EXPECT_EQ(replayed.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_NE(replayed.error_message().find("used already"), std::string::npos);
  clock_offset_s_ = 121;
  EXPECT_NE(register_with(request).error_message().find("too old"), std::string::npos);
}

TEST_F(JoinTest, expired_node_comes_back_with_a_key_of_its_user_and_keeps_its_address) {
  const TestNode node;
  const auto session = join(node);
  const auto address = admin_->get_node("host")->addresses(0);
  clock_offset_s_ = 181 * 24 * 3600;
  EXPECT_EQ(refused(node, "").code(), ErrorCode::kExpired);
  const auto back = client()->register_node(node.registration(make_key().secret()));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->node_id, session.node_id);
  EXPECT_EQ(admin_->get_node("host")->addresses(0), address);
}

TEST_F(JoinTest, restart_keeps_addresses_tokens_and_fingerprint) {
  const TestNode node;
  const auto session = join(node);
  const auto before = *admin_->get_node("host");
  const auto fingerprint = server_->fingerprint();
  server_.reset();
  start();
  EXPECT_FALSE(server_->is_new());
  EXPECT_EQ(server_->fingerprint(), fingerprint);
  EXPECT_EQ(admin_->get_node("host")->SerializeAsString(), before.SerializeAsString());
  EXPECT_TRUE(client()->report(session, {}));
}

TEST_F(JoinTest, address_of_a_removed_node_is_not_given_again) {
  const TestNode a, b;
  join(a);
  const auto address = admin_->get_node("host")->addresses(0);
  ASSERT_TRUE(admin_->remove_node("host"));
  server_.reset();
  start();
  join(b);
  EXPECT_NE(admin_->get_node("host")->addresses(0), address);
}

TEST_F(JoinTest, c12_second_server_on_the_same_state_is_refused) {
  const auto second = start_server(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConflict);
}

TEST_F(JoinTest, other_overlay_range_than_stored_is_refused) {
  server_.reset();
  options_.overlay_v4 = "10.0.0.0/16";
  const auto server = start_server(options_);
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().message().find("100.64.0.0/10"), std::string::npos);
}

}  // namespace
}  // namespace kernmesh::server
