// SPDX-License-Identifier: Apache-2.0
// Policies in the store, and databases from before there were any.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "controller/store/sqlite_store.h"
#include "tests/unit/store/older_schema.h"

namespace kernmesh::store {
namespace {

class PolicyStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/kernmesh-store-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string path() const { return directory_ + "/server.db"; }
  std::unique_ptr<Store> open() const {
    auto store = open_sqlite_store(path());
    EXPECT_TRUE(store) << store.error().message();
    return store ? std::move(*store) : nullptr;
  }
  std::string directory_;
};

PolicyRecord policy_of(std::uint32_t revision, std::string text) {
  PolicyRecord record;
  record.head = {PolicyRevision(revision), WallTime(std::chrono::seconds(7)), "administrator",
                 "because"};
  record.text = std::move(text);
  return record;
}

TEST_F(PolicyStoreTest, policies_are_there_after_reopening_and_only_the_newest_is_loaded_whole) {
  {
    const auto store = open();
    ASSERT_TRUE(store->commit({{policy_of(1, "{}")}, {}, {}, Audience::kNetwork}));
    ASSERT_TRUE(store->commit({{policy_of(2, "// \n{}")}, {}, {}, Audience::kNetwork}));
  }
  const auto store = open();
  const auto contents = store->load();
  ASSERT_TRUE(contents) << contents.error().message();
  ASSERT_EQ(contents->policies.size(), 2u);
  EXPECT_EQ(contents->policies[0], policy_of(1, "").head);
  EXPECT_EQ(contents->policies[1], policy_of(2, "").head);
  EXPECT_EQ(contents->policy_text, "// \n{}");
  EXPECT_EQ(*store->policy_text(PolicyRevision(1)), "{}");
  const auto absent = store->policy_text(PolicyRevision(3));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code(), ErrorCode::kNotFound);
}

TEST_F(PolicyStoreTest, policy_that_is_not_the_next_one_conflicts) {
  const auto store = open();
  ASSERT_TRUE(store->commit({{policy_of(1, "{}")}, {}, {}, Audience::kNetwork}));
  for (const std::uint32_t revision : {1u, 3u}) {
    const auto status = store->commit({{policy_of(revision, "{}")}, {}, {}, Audience::kNetwork});
    ASSERT_FALSE(status) << revision;
    EXPECT_EQ(status.error().code(), ErrorCode::kConflict) << status.error().message();
  }
  EXPECT_EQ(store->load()->policies.size(), 1u);
}

TEST_F(PolicyStoreTest, of_many_at_once_exactly_one_becomes_the_next_policy) {
  const auto store = open();
  ASSERT_TRUE(store->commit({{policy_of(1, "{}")}, {}, {}, Audience::kNetwork}));
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&, i] {
      const auto text = "{} // " + std::to_string(i);
      if (store->commit({{policy_of(2, text)}, {}, {}, Audience::kNetwork})) ++made;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
}

TEST_F(PolicyStoreTest, ten_megabytes_come_back_as_they_were) {
  const std::string text = "/* " + std::string(10'000'000, 'x') + " */ {}";
  ASSERT_TRUE(open()->commit({{policy_of(1, text)}, {}, {}, Audience::kNetwork}));
  EXPECT_TRUE(open()->load()->policy_text == text);
}

TEST_F(PolicyStoreTest, emails_roles_and_tags_are_kept) {
  UserRecord user;
  user.user = {UserId(1), "ann", {}, "ann@example.com", {"owner", "auditor"}};
  NodeRecord node;
  node.node.id = NodeId(1);
  node.node.name = "web";
  node.node.user_id = UserId(1);
  node.node.tags = {"tag:web", "tag:prod"};
  ASSERT_TRUE(open()->commit({{user, node}, {}, {}, Audience::kNetwork}));
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  EXPECT_EQ(contents->users.at(0).user, user.user);
  EXPECT_EQ(contents->nodes.at(0).node, node.node);
  auto changed = contents->nodes[0];
  changed.node.tags.clear();
  auto renamed = contents->users[0];
  renamed.user.email = "a@example.com";
  ASSERT_TRUE(open()->commit({{renamed, changed}, {}, {}, Audience::kNetwork}));
  EXPECT_TRUE(open()->load()->nodes.at(0).node.tags.empty());
  EXPECT_EQ(open()->load()->users.at(0).user.email, "a@example.com");
}

// A database as the first release left it: its steps undone.
TEST_F(PolicyStoreTest, database_from_before_policies_keeps_its_users_and_nodes) {
  UserRecord user;
  user.user = {UserId(1), "ann", {}, {}, {}};
  NodeRecord node;
  node.node.id = NodeId(1);
  node.node.name = "web";
  node.node.user_id = UserId(1);
  ASSERT_TRUE(open()->commit({{user, node}, {}, {}, Audience::kNetwork}));
  ASSERT_EQ(undo_to(1, path()), "");
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  EXPECT_EQ(contents->users.at(0).user, user.user);
  EXPECT_EQ(contents->nodes.at(0).node, node.node);
  EXPECT_TRUE(contents->policies.empty());
  EXPECT_TRUE(open()->commit({{policy_of(1, "{}")}, {}, {}, Audience::kNetwork}));
}

}  // namespace
}  // namespace kernmesh::store
