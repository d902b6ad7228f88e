// SPDX-License-Identifier: Apache-2.0
// The network lock on disk: statements stay, proposals come and go, and a commit that hangs on what
// nodes were told.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <optional>

#include "controller/store/sqlite_store.h"
#include "tests/unit/store/older_schema.h"

namespace kernmesh::store {
namespace {

class LockStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/kernmesh-lock-store-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<Store> open() {
    auto store = open_sqlite_store(directory_ + "/server.db");
    EXPECT_TRUE(store) << store.error().message();
    return store ? std::move(*store) : nullptr;
  }
  // SQLite's answer.
  int execute(const char* sql) {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open((directory_ + "/server.db").c_str(), &db), SQLITE_OK);
    const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    sqlite3_close(db);
    return code;
  }
  // Nothing: it was taken.
  std::optional<ErrorCode> commit(const Commit& commit) {
    const Status status = open()->commit(commit);
    return status ? std::nullopt : std::optional(status.error().code());
  }
  std::string directory_;
};

LockProposalRecord proposal(std::uint8_t number) {
  LockProposalRecord record;
  record.digest.bytes.fill(number);
  record.bytes = {number, 1};
  record.created_at = WallTime(std::chrono::seconds(1'000'000));
  return record;
}

TEST_F(LockStoreTest, statements_are_there_after_reopening_in_their_order) {
  EXPECT_EQ(commit({{LockStatementRecord{1, {1, 2}}}, {}, {}, {}}), std::nullopt);
  EXPECT_EQ(commit({{LockStatementRecord{2, Bytes(8192, 7)}}, {}, {}, {}}), std::nullopt);
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  ASSERT_EQ(contents->lock_statements.size(), 2u);
  EXPECT_EQ(contents->lock_statements[0].bytes, (Bytes{1, 2}));
  EXPECT_EQ(contents->lock_statements[1].number, 2u);
}

TEST_F(LockStoreTest, statement_that_is_not_the_next_one_is_refused) {
  EXPECT_EQ(commit({{LockStatementRecord{2, {1}}}, {}, {}, {}}), ErrorCode::kConflict);
  EXPECT_EQ(commit({{LockStatementRecord{1, {1}}}, {}, {}, {}}), std::nullopt);
  EXPECT_EQ(commit({{LockStatementRecord{1, {2}}}, {}, {}, {}}), ErrorCode::kConflict);
  EXPECT_EQ(open()->load()->lock_statements[0].bytes, Bytes{1});
}

TEST_F(LockStoreTest, statements_are_neither_changed_nor_removed) {
  ASSERT_TRUE(open()->commit({{LockStatementRecord{1, {1}}}, {}, {}, {}}));
  EXPECT_NE(execute("UPDATE lock_statement SET bytes = x'00'"), SQLITE_OK);
  EXPECT_NE(execute("DELETE FROM lock_statement"), SQLITE_OK);
}

TEST_F(LockStoreTest, proposal_is_replaced_and_removed_only_as_it_was_read) {
  ASSERT_TRUE(open()->commit({{proposal(1), proposal(2)}, {}, {}, {}}));
  auto held = open()->load()->lock_proposals;
  ASSERT_EQ(held.size(), 2u);
  EXPECT_EQ(held[0].bytes, proposal(1).bytes);
  EXPECT_EQ(held[0].created_at, proposal(1).created_at);
  auto signed_again = held[0];
  signed_again.bytes = {9};
  EXPECT_EQ(commit({{signed_again}, {}, {}, {}}), std::nullopt);
  EXPECT_EQ(commit({{signed_again}, {}, {}, {}}), ErrorCode::kConflict);
  const Removal<LockDigest> stale{held[0].digest, held[0].written};
  EXPECT_EQ(commit({{}, {stale}, {}, {}}), ErrorCode::kConflict);
  const Removal<LockDigest> fresh{held[1].digest, held[1].written};
  EXPECT_EQ(commit({{}, {fresh}, {}, {}}), std::nullopt);
  ASSERT_EQ(open()->load()->lock_proposals.size(), 1u);
  EXPECT_EQ(open()->load()->lock_proposals[0].bytes, Bytes{9});
}

TEST_F(LockStoreTest, nodes_endorsement_is_there_after_reopening) {
  UserRecord user;
  user.user.id = UserId(1);
  user.user.name = "ann";
  NodeRecord node;
  node.node.id = NodeId(1);
  node.node.name = "web-1";
  node.node.user_id = UserId(1);
  ASSERT_TRUE(open()->commit({{user, node}, {}, {}, {}}));
  auto held = open()->load()->nodes.at(0);
  EXPECT_TRUE(held.node.endorsement.empty());
  held.node.endorsement = Bytes(230, 5);
  ASSERT_TRUE(open()->commit({{held}, {}, {}, {}}));
  EXPECT_EQ(open()->load()->nodes.at(0).node.endorsement, Bytes(230, 5));
}

// So that a lock begins only for the network that its plan has looked at.
TEST_F(LockStoreTest, commit_for_a_network_that_has_moved_on_is_refused) {
  ASSERT_TRUE(open()->commit({{LockStatementRecord{1, {1}}}, {}, {}, Audience::kNetwork}));
  const Revision told = open()->load()->network_revision;
  ASSERT_TRUE(open()->commit({{proposal(1)}, {}, {}, Audience::kServer}));
  Commit next{{LockStatementRecord{2, {2}}}, {}, {}, Audience::kNetwork};
  next.only_at = Revision(told.value() - 1);
  EXPECT_EQ(commit(next), ErrorCode::kConflict);
  EXPECT_EQ(open()->load()->lock_statements.size(), 1u);
  next.only_at = told;
  EXPECT_EQ(commit(next), std::nullopt);
}

// As the steps before kLockStep left it.
TEST_F(LockStoreTest, network_of_an_older_schema_has_no_lock) {
  ASSERT_TRUE(open()->commit({{proposal(1)}, {}, {}, {}}));
  ASSERT_EQ(undo_to(8, directory_ + "/server.db"), "");
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  EXPECT_TRUE(contents->lock_statements.empty());
  EXPECT_TRUE(contents->lock_proposals.empty());
}

}  // namespace
}  // namespace kernmesh::store
