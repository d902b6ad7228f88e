// SPDX-License-Identifier: Apache-2.0
// What is in the state directory, and certificates of others.
#include <fstream>

#include "controller/rpc/certificate.h"
#include "tests/unit/server/fixture.h"
#include "tests/unit/server/killed_program.h"

namespace kernmesh::server {
namespace {

class StateTest : public ServerTest {
 protected:
  void restart() {
    server_.reset();
    start();
  }
  Error refused() {
    auto server = start_server(options_);
    EXPECT_FALSE(server);
    return server ? Error(ErrorCode::kSystem, "it started") : server.error();
  }
  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }
  // A certificate for "localhost" under an authority of somebody else, by the openssl program.
  void make_foreign_certificate() {
    run_in_directory(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
        " -subj '/CN=Example Authority' -keyout other-ca.key -out other-ca.crt 2>/dev/null");
    renew_foreign_certificate();
    options_.tls_cert = path_of("other.crt");
    options_.tls_key = path_of("other.key");
  }
  void renew_foreign_certificate() {
    run_in_directory(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
        " -subj /CN=localhost -addext subjectAltName=DNS:localhost"
        " -addext basicConstraints=critical,CA:FALSE -CA other-ca.crt -CAkey other-ca.key"
        " -keyout other.key -out leaf.crt 2>/dev/null && cat leaf.crt other-ca.crt > other.crt");
  }
  void run_in_directory(const std::string& command) {
    ASSERT_EQ(std::system(("cd " + directory_ + " && " + command).c_str()), 0);
  }
};

TEST_F(StateTest, expired_server_certificate_is_replaced_at_the_start_and_the_authority_kept) {
  server_.reset();
  std::filesystem::remove_all(directory_);
  constexpr auto kLongAgo = std::chrono::days(400);
  auto old = start_server(options_, [&] { return system_now() - kLongAgo; });
  ASSERT_TRUE(old) << old.error().message();
  const auto fingerprint = (*old)->fingerprint();
  const auto expired = *read_file(path_of("server.crt"));
  old->reset();
  ASSERT_LT(rpc::read_certificates(expired)->front().not_after, system_now());
  start();
  EXPECT_EQ(server_->fingerprint(), fingerprint);
  EXPECT_NE(*read_file(path_of("server.crt")), expired);
  EXPECT_TRUE(admin_->list_users());
}

TEST_F(StateTest, own_certificate_is_renewed_before_it_expires_while_the_server_runs) {
  const auto fingerprint = server_->fingerprint();
  clock_offset_s_ = 300 * 86400;
  EXPECT_FALSE(server_->has_newer_certificate());
  clock_offset_s_ = 340 * 86400;
  EXPECT_TRUE(server_->has_newer_certificate());
  server_.reset();
  const auto next = start_server(options_, [] { return system_now() + std::chrono::days(340); });
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_FALSE((*next)->has_newer_certificate());
  EXPECT_EQ((*next)->fingerprint(), fingerprint);
  const auto facts = rpc::read_certificates(*read_file(path_of("server.crt")));
  EXPECT_GT(facts->front().not_after, system_now() + std::chrono::days(600));
}

TEST_F(StateTest, certificate_that_cannot_be_renewed_stays_in_use) {
  std::filesystem::remove(path_of("ca.key"));
  clock_offset_s_ = 340 * 86400;
  EXPECT_FALSE(server_->has_newer_certificate());
  EXPECT_TRUE(admin_->list_users());
}

TEST_F(StateTest, given_certificate_is_read_again_and_taken_when_whole_and_of_the_same_authority) {
  server_.reset();
  make_foreign_certificate();
  const auto server = start_server(options_);
  ASSERT_TRUE(server) << server.error().message();
  EXPECT_FALSE((*server)->has_newer_certificate());
  renew_foreign_certificate();
  EXPECT_TRUE((*server)->has_newer_certificate());
  std::ofstream(path_of("other.key")) << "half";
  EXPECT_FALSE((*server)->has_newer_certificate());
  make_foreign_certificate();  // with an authority of its own
  EXPECT_FALSE((*server)->has_newer_certificate());
}

TEST_F(StateTest, server_is_new_until_somebody_makes_a_user) {
  EXPECT_FALSE(server_->is_new());
  server_.reset();
  std::filesystem::remove_all(directory_);
  for (int round = 0; round < 2; ++round) {
    const auto server = start_server(options_);
    ASSERT_TRUE(server) << server.error().message();
    EXPECT_TRUE((*server)->is_new());
  }
}

TEST_F(StateTest, given_certificate_serves_joins_and_is_pinned_by_keys) {
  server_.reset();
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directory(directory_);
  make_foreign_certificate();
  auto server = start_server(options_);
  ASSERT_TRUE(server) << server.error().message();
  server_ = std::move(*server);
  EXPECT_FALSE(std::filesystem::exists(path_of("ca.key")));
  auto token = *read_file(path_of("admin.token"));
  token.pop_back();
  const std::string port = std::to_string(server_->port());
  const auto wrong = rpc::AdminClient::connect("127.0.0.1:" + port, token);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_NE(wrong.error().message().find("not for 127.0.0.1 but for localhost"), std::string::npos)
      << wrong.error().message();
  address_ = "localhost:" + port;
  auto admin = rpc::AdminClient::connect(address_, token);
  ASSERT_TRUE(admin) << admin.error().message();
  admin_ = std::make_unique<rpc::AdminClient>(std::move(*admin));
  ASSERT_TRUE(admin_->create_user("ann"));
  ca_pem_ = *rpc::fetch_ca_pem(address_, server_->fingerprint(), std::chrono::seconds(5));
  const TestNode node;
  Watcher watcher(client(), join(node));
  EXPECT_TRUE(std::holds_alternative<netmap::Netmap>(watcher.first()));
}

TEST_F(StateTest, given_certificate_that_expired_or_has_another_key_is_refused) {
  server_.reset();
  make_foreign_certificate();
  const auto late = start_server(options_, [] { return system_now() + std::chrono::days(31); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kExpired);
  EXPECT_NE(late.error().message().find("other.crt"), std::string::npos);
  options_.tls_key = path_of("other-ca.key");
  EXPECT_EQ(refused().code(), ErrorCode::kInvalid);
  options_.tls_key = "";
  EXPECT_EQ(refused().code(), ErrorCode::kInvalid);
  options_.tls_cert = path_of("absent.crt");
  options_.tls_key = path_of("other.key");
  EXPECT_EQ(refused().code(), ErrorCode::kNotFound);
}

TEST_F(StateTest, lost_or_empty_database_is_no_first_start) {
  server_.reset();
  const auto token = *read_file(path_of("admin.token"));
  std::filesystem::rename(path_of("server.db"), path_of("saved"));
  EXPECT_EQ(refused().code(), ErrorCode::kCorrupt);
  std::ofstream(path_of("server.db")).flush();
  const auto error = refused();
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  EXPECT_NE(error.message().find("server.db"), std::string::npos);
  EXPECT_EQ(*read_file(path_of("admin.token")), token);
  std::filesystem::rename(path_of("saved"), path_of("server.db"));
  start();
  EXPECT_EQ(admin_->list_users()->users_size(), 1);
}

TEST_F(StateTest, half_of_an_authority_is_refused_and_left_alone) {
  server_.reset();
  std::filesystem::rename(path_of("ca.key"), path_of("saved"));
  const auto error = refused();
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  EXPECT_NE(error.message().find("ca.key"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_of("ca.key")));
  std::ofstream(path_of("ca.key")) << "-----BEGIN nonsense";
  EXPECT_EQ(refused().code(), ErrorCode::kCorrupt);
}

TEST_F(StateTest, c11_a_first_start_that_is_killed_at_any_point_is_made_good_by_the_next) {
  server_.reset();
  const std::vector<std::string> words{
      server_program(), "--listen", "127.0.0.1:0", "--http-listen", "",
      "--state-dir",    directory_, "--log-level", "error"};
  int step = 0, half = 0;
  for (auto end = LifeEnd::kKilled; end == LifeEnd::kKilled;) {
    SCOPED_TRACE("killed at step " + std::to_string(++step));
    std::filesystem::remove_all(directory_);
    end = run_until_step(words, step);
    ASSERT_NE(end, LifeEnd::kExited);
    const bool has_key = std::filesystem::exists(path_of("ca.key"));
    if (has_key && !std::filesystem::exists(path_of("ca.crt"))) ++half;
    start();  // which takes the token from its file
    ASSERT_TRUE(admin_->list_users());
    EXPECT_TRUE(server_->is_new());
    server_.reset();
  }
  EXPECT_GE(half, 1) << "between the authority's two files";
  EXPECT_GE(step, 12) << "it makes six files, each with a rename";
  std::printf("%d points\n", step);
}

// Without its database too: whatever was made after the authority tells of a network.
TEST_F(StateTest, half_of_an_authority_that_has_signed_is_refused) {
  server_.reset();
  for (const char* const name : {"ca.crt", "server.db", "admin.token"}) {
    std::filesystem::remove(path_of(name));
  }
  const auto key = *read_file(path_of("ca.key"));
  EXPECT_EQ(refused().code(), ErrorCode::kCorrupt) << "there is a certificate of its";
  for (const char* const name : {"server.key", "server.crt", "ticket.key"}) {
    std::filesystem::remove(path_of(name));
  }
  start();
  EXPECT_NE(*read_file(path_of("ca.key")), key);
}

// Whether the newest change is of a node that came (or went).
bool ends_with_online(const std::vector<rpc::Update>& updates, bool online) {
  const auto* delta = std::get_if<netmap::Delta>(&updates.back());
  return delta != nullptr && !delta->upserted.empty() && delta->upserted.back().online == online;
}

// Whether some update has taken the node away.
bool ends_without(const std::vector<rpc::Update>& updates, NodeId id) {
  return std::any_of(updates.begin(), updates.end(), [&](const auto& update) {
    const auto* delta = std::get_if<netmap::Delta>(&update);
    return delta != nullptr && std::count(delta->removed.begin(), delta->removed.end(), id) > 0;
  });
}

TEST_F(StateTest, ephemeral_node_is_removed_when_it_was_gone_for_its_time_and_has_ever_come) {
  server_.reset();
  options_.reconnect_grace = {};
  start();
  const TestNode stays, leaves, never_came, reported;
  Watcher other(client(), join(stays));
  other.first();
  const auto joined = [&](const TestNode& node) {
    return *client()->register_node(node.registration(make_key(Use::kOnce, true).secret()));
  };
  joined(never_came);
  const auto briefly = joined(reported);
  ASSERT_TRUE(client()->report(briefly, {.kernel_release = "6.1.0"})) << "its stream was missed";
  const auto session = joined(leaves);
  {
    Watcher watcher(client(), session);
    watcher.first();
    mono_offset_s_ = clock_offset_s_ = 20 * 60;  // while it is connected nothing happens to it
    other.wait([](const auto& all) { return ends_with_online(all, true); });
  }
  other.wait([](const auto& all) { return ends_with_online(all, false); });
  const auto wait_until_gone = [&](NodeId id) {
    other.wait([&](const auto& all) { return ends_without(all, id); });
  };
  mono_offset_s_ = 3600;
  clock_offset_s_ = 31 * 60;  // 31 minutes after the one joined, 11 after the other left
  wait_until_gone(briefly.node_id);
  EXPECT_EQ(admin_->list_nodes()->nodes_size(), 3);
  mono_offset_s_ = 2 * 3600;
  clock_offset_s_ = 52 * 60;
  wait_until_gone(session.node_id);
  EXPECT_EQ(admin_->list_nodes()->nodes_size(), 2) << "who never came may be on its way yet";
}

// C13: nothing brings a removed node back, so a clock that is set removes none.
TEST_F(StateTest, c13_a_clock_that_leaps_removes_no_ephemeral_node) {
  server_.reset();
  options_.reconnect_grace = {};
  start();
  const TestNode stays, leaves;
  Watcher other(client(), join(stays));
  other.first();
  const auto session =
      *client()->register_node(leaves.registration(make_key(Use::kOnce, true).secret()));
  {
    Watcher watcher(client(), session);
    watcher.first();
    other.wait([](const auto& all) { return ends_with_online(all, true); });
  }
  other.wait([](const auto& all) { return ends_with_online(all, false); });
  // Session tokens are over by that clock, so that streams end, each in another of the looks.
  clock_offset_s_ = 24 * 3600;
  EXPECT_EQ(other.wait_for_end().code(), ErrorCode::kUnauthenticated);
  Watcher second(client(), join(TestNode()));
  second.first();
  clock_offset_s_ = 48 * 3600;
  EXPECT_EQ(second.wait_for_end().code(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(admin_->list_nodes()->nodes_size(), 3) << "none is removed";
  Watcher third(client(), join(TestNode()));
  third.first();
  mono_offset_s_ = 31 * 60;
  third.wait([&](const auto& all) { return ends_without(all, session.node_id); });
}

TEST_F(StateTest, hint_of_a_join_key_is_the_end_of_what_its_holder_has) {
  const auto key = make_key();
  ASSERT_EQ(key.key().hint().size(), 6u);
  EXPECT_TRUE(key.secret().ends_with(key.key().hint()));
  EXPECT_EQ(admin_->list_join_keys()->keys(0).hint(), key.key().hint());
  EXPECT_NE(make_key().key().hint(), key.key().hint());
}

}  // namespace
}  // namespace kernmesh::server
