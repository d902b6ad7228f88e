// SPDX-License-Identifier: Apache-2.0
// Relays at the server: joining, coming back, reporting, being drained and removed.
#include <sys/stat.h>

#include "controller/rpc/relay_registrar.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

struct TestRelay {
  explicit TestRelay(std::string label = "fra1") : name(std::move(label)) {
    std::array<std::uint8_t, 32> public_key{};
    crypto_sign_keypair(public_key.data(), machine.mutable_bytes().data());
    randombytes_buf(public_key.data(), public_key.size());
    key = RelayPublicKey(public_key);
  }
  rpc::RelayRegistration registration(const std::string& join_key = "") const {
    return {machine, key, join_key, name, "fra"};
  }
  Ed25519SecretKey machine;
  RelayPublicKey key;
  std::string name;
};

class RelayTest : public ServerTest {
 protected:
  std::unique_ptr<rpc::RelayRegistrar> registrar() {
    return std::make_unique<rpc::RelayRegistrar>(address_, ca_pem_, server_->fingerprint());
  }
  std::string relay_key(Use use = Use::kOnce) {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_relay(true);
    request.set_reusable(use == Use::kOften);
    const auto key = admin_->create_join_key(request);
    EXPECT_TRUE(key) << key.error().message();
    return key ? key->secret() : "";
  }
  rpc::RelaySession join_relay(const TestRelay& relay) {
    auto session = registrar()->register_relay(relay.registration(relay_key()));
    EXPECT_TRUE(session) << session.error().message();
    return session ? *session : rpc::RelaySession{};
  }
  static rpc::RelayReport report_at(const std::string& endpoint) {
    rpc::RelayReport report;
    report.endpoints = {*Endpoint::parse(endpoint)};
    report.load.set_clients(3);
    return report;
  }
};

TEST_F(RelayTest, joins_with_a_key_for_relays_and_is_listed_with_what_it_reports) {
  const auto session = join_relay(TestRelay());
  EXPECT_EQ(session.name, "fra1");
  EXPECT_FALSE(admin_->list_relays()->relays(0).place().online());
  const auto orders = registrar()->report(session, report_at("192.0.2.9:3478"));
  ASSERT_TRUE(orders) << orders.error().message();
  ASSERT_EQ(orders->ticket_keys.size(), 1u);
  EXPECT_FALSE(orders->drain);
  const auto relay = admin_->get_relay("fra1");
  ASSERT_TRUE(relay) << relay.error().message();
  EXPECT_TRUE(relay->place().online());
  EXPECT_EQ(relay->place().region(), "fra");
  EXPECT_EQ(relay->place().endpoints_size(), 1);
  EXPECT_EQ(relay->load().clients(), 3u);
}

TEST_F(RelayTest, keys_of_nodes_and_relays_are_not_taken_for_each_other) {
  const auto as_relay = registrar()->register_relay(TestRelay().registration(make_key().secret()));
  ASSERT_FALSE(as_relay);
  EXPECT_EQ(as_relay.error().code(), ErrorCode::kPermissionDenied);
  const auto as_node = client()->register_node(TestNode().registration(relay_key()));
  ASSERT_FALSE(as_node);
  EXPECT_EQ(as_node.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(admin_->list_relays()->relays_size(), 0);
  EXPECT_EQ(admin_->list_nodes()->nodes_size(), 0);
}

TEST_F(RelayTest, tokens_of_nodes_and_relays_are_not_taken_for_each_other) {
  const auto relay = join_relay(TestRelay());
  const auto node = join(TestNode());
  const auto reported = registrar()->report({node.token, {}, ""}, report_at("192.0.2.9:3478"));
  ASSERT_FALSE(reported);
  EXPECT_EQ(reported.error().code(), ErrorCode::kUnauthenticated);
  const auto told = client()->report({relay.token, {}, NodeId(1)}, {});
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code(), ErrorCode::kUnauthenticated);
}

TEST_F(RelayTest, a_single_use_key_lets_one_relay_in_and_a_known_one_needs_none) {
  const TestRelay first, second("fra2");
  const std::string key = relay_key();
  const auto joined = registrar()->register_relay(first.registration(key));
  ASSERT_TRUE(joined) << joined.error().message();
  const auto refused = registrar()->register_relay(second.registration(key));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kPermissionDenied);
  const auto back = registrar()->register_relay(first.registration());
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->relay, joined->relay);
  const auto unknown = registrar()->register_relay(second.registration());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kNotFound);
}

TEST_F(RelayTest, another_relays_key_is_refused) {
  TestRelay first, thief("thief");
  join_relay(first);
  thief.key = first.key;
  const auto refused = registrar()->register_relay(thief.registration(relay_key()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kAlreadyExists);
}

TEST_F(RelayTest, second_of_a_name_gets_another_one) {
  join_relay(TestRelay());
  EXPECT_EQ(join_relay(TestRelay()).name, "fra1-1");
}

TEST_F(RelayTest, endpoints_that_no_node_can_have_are_refused) {
  const auto session = join_relay(TestRelay());
  for (const char* endpoint : {"127.0.0.1:3478", "169.254.169.254:80", "[fe80::1]:3478",
                               "[::ffff:10.0.0.1]:3478", "224.0.0.1:3478", "100.64.0.7:3478"}) {
    const auto refused = registrar()->report(session, report_at(endpoint));
    ASSERT_FALSE(refused) << endpoint;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid) << endpoint;
  }
}

TEST_F(RelayTest, is_told_to_drain_and_to_go_on) {
  const auto session = join_relay(TestRelay());
  mesh::v1::DrainRelayRequest drain;
  drain.set_relay("fra1");
  ASSERT_TRUE(admin_->drain_relay(drain)->place().draining());
  EXPECT_TRUE(registrar()->report(session, report_at("192.0.2.9:3478"))->drain);
  drain.set_undo(true);
  ASSERT_FALSE(admin_->drain_relay(drain)->place().draining());
  EXPECT_FALSE(registrar()->report(session, report_at("192.0.2.9:3478"))->drain);
}

TEST_F(RelayTest, removed_one_loses_its_calls_at_once) {
  const auto session = join_relay(TestRelay());
  ASSERT_TRUE(admin_->remove_relay("1"));
  const auto reported = registrar()->report(session, report_at("192.0.2.9:3478"));
  ASSERT_FALSE(reported);
  EXPECT_EQ(reported.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(admin_->get_relay("fra1").error().code(), ErrorCode::kNotFound);
}

TEST_F(RelayTest, ticket_key_and_relays_outlive_a_restart) {
  const auto session = join_relay(TestRelay());
  const auto before = registrar()->report(session, report_at("192.0.2.9:3478"));
  server_.reset();
  start();
  const auto after = registrar()->report(session, report_at("192.0.2.9:3478"));
  ASSERT_TRUE(after) << after.error().message();
  EXPECT_EQ(after->ticket_keys, before->ticket_keys);
  struct stat file {};
  ASSERT_EQ(::stat((directory_ + "/ticket.key").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST_F(RelayTest, a_key_for_a_relay_has_no_user) {
  mesh::v1::CreateJoinKeyRequest request;
  request.set_relay(true);
  request.set_user_name("ann");
  const auto refused = admin_->create_join_key(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
  relay_key();
  const auto keys = admin_->list_join_keys();
  ASSERT_EQ(keys->keys_size(), 1);
  EXPECT_TRUE(keys->keys(0).relay());
  EXPECT_EQ(keys->keys(0).user_name(), "");
}

}  // namespace
}  // namespace kernmesh::server
