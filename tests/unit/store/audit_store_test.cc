// SPDX-License-Identifier: Apache-2.0
// The audit log, API tokens and remembered requests in the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>

#include "controller/store/sqlite_store.h"

namespace kernmesh::store {
namespace {

using testing::ElementsAre;

class AuditStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/kernmesh-audit-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    path_ = directory_ + "/server.db";
    open();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    store_.reset();
    auto store = open_sqlite_store(path_);
    ASSERT_TRUE(store) << store.error().message();
    store_ = std::move(*store);
  }
  void note(const std::string& actor, const std::string& action, int at) {
    Commit commit;
    commit.audit = {{WallTime(std::chrono::seconds(at)), actor, action, "s", "d", "[::1]:5"}};
    ASSERT_TRUE(store_->commit(commit));
  }
  std::vector<std::uint64_t> ids(AuditQuery query) {
    if (query.most == 0) query.most = 100;
    const auto records = store_->audit(query);
    EXPECT_TRUE(records) << records.error().message();
    std::vector<std::uint64_t> found;
    for (const auto& record : *records) found.push_back(record.id.value());
    return found;
  }
  int execute(const char* sql) {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    sqlite3_close(db);
    return code;
  }
  std::string directory_;
  std::string path_;
  std::unique_ptr<Store> store_;
};

TEST_F(AuditStoreTest, events_are_found_by_actor_action_and_time_in_either_order) {
  note("user ada, token 3", "user.create", 10);  // 1
  note("user adam", "user.delete", 20);          // 2
  note("user ada", "node.join", 30);             // 3
  note("node 7", "nodeless", 40);                // 4
  AuditQuery query;
  EXPECT_THAT(ids(query), ElementsAre(1, 2, 3, 4));
  query.actor = "user ada";
  EXPECT_THAT(ids(query), ElementsAre(1, 3));
  query.order = AuditOrder::kNewestFirst;
  EXPECT_THAT(ids(query), ElementsAre(3, 1));
  query.beyond = AuditId(3);
  EXPECT_THAT(ids(query), ElementsAre(1));
  query = {};
  query.action = "user";
  EXPECT_THAT(ids(query), ElementsAre(1, 2));
  query.action = "node";
  EXPECT_THAT(ids(query), ElementsAre(3));
  query.action = "user' OR '1'='1";
  EXPECT_THAT(ids(query), ElementsAre());
  query = {};
  query.since = WallTime(std::chrono::seconds(20));
  query.until = WallTime(std::chrono::seconds(40));
  EXPECT_THAT(ids(query), ElementsAre(2, 3));
  query = {};
  query.most = 2;
  query.beyond = AuditId(1);
  EXPECT_THAT(ids(query), ElementsAre(2, 3));
  EXPECT_EQ(*store_->newest_audit(), AuditId(4));
  query = {};
  query.most = 1;
  EXPECT_EQ((*store_->audit(query))[0].event.from, "[::1]:5");
}

TEST_F(AuditStoreTest, nobody_changes_or_removes_an_event) {
  note("server", "test", 1);
  store_.reset();
  EXPECT_NE(execute("UPDATE audit SET actor='nobody'"), SQLITE_OK);
  EXPECT_NE(execute("DELETE FROM audit"), SQLITE_OK);
  EXPECT_NE(execute("REPLACE INTO audit (id, at, actor, action, subject, detail)"
                    " VALUES (1, 1, 'x', 'x', 'x', 'x')"),
            SQLITE_OK);
  open();
  EXPECT_THAT(ids({}), ElementsAre(1));
}

TEST_F(AuditStoreTest, a_commit_tells_its_feed_the_newest_event) {
  std::vector<std::uint64_t> told;
  store_->subscribe([&](const Change& change) { told.push_back(change.audited.value()); });
  note("server", "test", 1);
  Commit silent;
  silent.puts = {UserRecord{{UserId(1), "ann", {}, "", {}}, {}}};
  ASSERT_TRUE(store_->commit(silent));
  note("server", "test", 1);
  EXPECT_THAT(told, ElementsAre(1, 0, 2));
}

TEST_F(AuditStoreTest, a_token_is_there_after_reopening_and_its_id_is_not_given_again) {
  TokenRecord token;
  token.id = TokenId(7);
  token.hash.fill(3);
  token.hint = "x7Qc2g";
  token.user_id = UserId(1);
  token.role = topology::Role::kNetworkAdmin;
  token.scope = topology::Scope::kPolicy;
  token.comment = "the pipeline";
  token.created_at = WallTime(std::chrono::seconds(5));
  token.expires_at = WallTime(std::chrono::seconds(6));
  token.last_used_at = WallTime(std::chrono::seconds(7));
  ASSERT_TRUE(store_->commit(
      {{UserRecord{{UserId(1), "ann", {}, "", {}}, {}}, token}, {}, {}, Audience::kServer}));
  open();
  auto contents = store_->load();
  ASSERT_TRUE(contents) << contents.error().message();
  token.written = Revision(1);
  ASSERT_EQ(contents->tokens.size(), 1u);
  EXPECT_TRUE(contents->tokens[0] == token);
  ASSERT_TRUE(
      store_->commit({{}, {Removal<TokenId>{TokenId(7), Revision(1)}}, {}, Audience::kServer}));
  contents = store_->load();
  EXPECT_TRUE(contents->tokens.empty());
  EXPECT_EQ(contents->highest.token, TokenId(7));
}

TEST_F(AuditStoreTest, a_token_with_a_role_of_no_meaning_is_corrupt) {
  store_.reset();
  ASSERT_EQ(execute("INSERT INTO user (id, name, created_at, written) VALUES (1, 'ann', 1, 1);"
                    "INSERT INTO token VALUES (1, zeroblob(32), '', 1, 9, 1, '', 1, 1, 0, 1)"),
            SQLITE_OK);
  open();
  EXPECT_EQ(store_->load().error().code(), ErrorCode::kCorrupt);
}

RequestRecord request_of(std::uint16_t number, int at) {
  RequestRecord record;
  record.key = {static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
  record.subject = number;
  record.created_at = WallTime(std::chrono::seconds(at));
  return record;
}

TEST_F(AuditStoreTest, requests_are_remembered_for_a_day_and_so_many) {
  const auto find = [&](std::uint16_t number, int now) {
    const auto found =
        store_->find_request(request_of(number, 0).key, WallTime(std::chrono::seconds(now)));
    EXPECT_TRUE(found) << found.error().message();
    return found && found->has_value();
  };
  ASSERT_TRUE(store_->commit({{request_of(1, 1000)}, {}, {}, Audience::kServer}));
  EXPECT_TRUE(find(1, 1000 + 86'399));
  EXPECT_FALSE(find(1, 1000 + 86'400));
  EXPECT_FALSE(find(2, 1000));
  EXPECT_EQ(store_->commit({{request_of(1, 1000)}, {}, {}, Audience::kServer}).error().code(),
            ErrorCode::kAlreadyExists);
  // The same id a day later is another request.
  ASSERT_TRUE(store_->commit({{request_of(1, 1000 + 86'400)}, {}, {}, Audience::kServer}));
  Commit many;
  for (int i = 0; i < kMostRequests; ++i) {
    many.puts.emplace_back(request_of(static_cast<std::uint16_t>(100 + i), 1000 + 86'400));
  }
  ASSERT_TRUE(store_->commit(many));
  EXPECT_FALSE(find(1, 1000 + 86'400)) << "the oldest";
  EXPECT_TRUE(find(100, 1000 + 86'400));
}

}  // namespace
}  // namespace kernmesh::store
