// SPDX-License-Identifier: Apache-2.0
// Which policy a server starts with.
#include "controller/server/stored_policy.h"

#include <sqlite3.h>

#include "controller/store/sqlite_store.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

class StoredPolicyTest : public ServerTest {
 protected:
  void execute(const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((directory_ + "/server.db").c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  store::Contents stored() {
    auto store = store::open_sqlite_store(directory_ + "/server.db");
    EXPECT_TRUE(store);
    auto contents = (*store)->load();
    EXPECT_TRUE(contents);
    return contents ? *contents : store::Contents{};
  }
  std::size_t peers_of(const rpc::Session& session) {
    Watcher watcher(client(), session);
    const auto update = watcher.first();
    const auto* map = std::get_if<netmap::Netmap>(&update);
    return map == nullptr ? 999 : map->peers.size();
  }
  rpc::Session join_as(const TestNode& node, const std::string& user) {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_user_name(user);
    const auto key = admin_->create_join_key(request);
    EXPECT_TRUE(key) << key.error().message();
    const auto session = client()->register_node(node.registration(key->secret()));
    EXPECT_TRUE(session) << session.error().message();
    return *session;
  }
};

TEST_F(StoredPolicyTest, new_network_lets_each_persons_devices_reach_each_other) {
  ASSERT_TRUE(admin_->create_user("bob"));
  const TestNode a, b, c;
  const auto first = join_as(a, "ann");
  join_as(b, "ann");
  const auto other = join_as(c, "bob");
  EXPECT_EQ(peers_of(first), 1u);
  EXPECT_EQ(peers_of(other), 0u);
  server_.reset();
  const auto contents = stored();
  ASSERT_EQ(contents.policies.size(), 1u);
  EXPECT_EQ(contents.policies[0].author, "server");
  EXPECT_EQ(contents.policies[0].comment, "starter policy");
  EXPECT_EQ(contents.policy_text, policy::kStarterPolicy);
}

TEST_F(StoredPolicyTest, network_from_before_policies_keeps_what_it_had) {
  ASSERT_TRUE(admin_->create_user("bob"));
  const TestNode a, b;
  join_as(a, "ann");
  join_as(b, "bob");
  server_.reset();
  execute("DELETE FROM policy");
  start();
  EXPECT_EQ(peers_of(*client()->register_node(a.registration())), 1u);
  server_.reset();
  start();
  EXPECT_EQ(peers_of(*client()->register_node(a.registration())), 1u);
  server_.reset();
  EXPECT_EQ(stored().policies.size(), 1u);
}

TEST_F(StoredPolicyTest, policy_that_does_not_parse_any_more_stops_the_start_and_says_what_to_do) {
  server_.reset();
  execute("UPDATE policy SET text = '{\n  \"acls\": 7\n}'");
  const auto server = start_server(options_);
  ASSERT_FALSE(server);
  for (const char* part : {"policy 1", "policy:2:", "--policy FILE"}) {
    EXPECT_NE(server.error().message().find(part), std::string::npos) << server.error().message();
  }
  options_.policy = kEverybodyPolicy;
  start();
  options_.policy.clear();
  server_.reset();
  start();
  server_.reset();
  EXPECT_EQ(stored().policies.size(), 2u);
  EXPECT_EQ(stored().policy_text, kEverybodyPolicy);
}

TEST_F(StoredPolicyTest, given_policy_that_does_not_parse_changes_nothing) {
  server_.reset();
  options_.policy = "{]";
  const auto server = start_server(options_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(stored().policies.size(), 1u);
}

}  // namespace
}  // namespace kernmesh::server
