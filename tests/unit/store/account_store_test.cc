// SPDX-License-Identifier: Apache-2.0
// Users by the account of an identity provider, and the groups that it names.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "controller/store/sqlite_store.h"
#include "tests/unit/store/older_schema.h"

namespace kernmesh::store {
namespace {

class AccountStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/kernmesh-accounts-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string path() const { return directory_ + "/server.db"; }
  std::unique_ptr<Store> open() {
    auto store = open_sqlite_store(path());
    EXPECT_TRUE(store) << store.error().message();
    return store ? std::move(*store) : nullptr;
  }
  // Nothing: it was taken.
  std::optional<ErrorCode> commit(const Commit& commit) {
    const Status status = open()->commit(commit);
    return status ? std::nullopt : std::optional(status.error().code());
  }
  std::string directory_;
};

UserRecord user(std::uint64_t id, const std::string& name) {
  UserRecord record;
  record.user.id = UserId(id);
  record.user.name = name;
  return record;
}

UserRecord person(std::uint64_t id, const std::string& issuer, const std::string& subject) {
  UserRecord record = user(id, "u" + std::to_string(id));
  record.issuer = issuer;
  record.subject = subject;
  return record;
}

TEST_F(AccountStoreTest, account_and_groups_are_there_after_reopening) {
  auto ann = person(1, "https://id.example", "4711");
  ann.user.groups = {"/dev", "all hands", "ops"};
  const auto admin_made = user(2, "bob");
  ASSERT_TRUE(open()->commit({{ann, admin_made}, {}, {}, {}}));
  const auto contents = open()->load();
  ASSERT_EQ(contents->users.size(), 2u);
  EXPECT_EQ(contents->users[0].issuer, "https://id.example");
  EXPECT_EQ(contents->users[0].subject, "4711");
  EXPECT_EQ(contents->users[0].user.groups, ann.user.groups);
  EXPECT_EQ(contents->users[1].issuer, "");
  EXPECT_EQ(contents->users[1].subject, "");
  EXPECT_TRUE(contents->users[1].user.groups.empty());
}

TEST_F(AccountStoreTest, groups_are_replaced_as_a_whole) {
  auto ann = person(1, "https://id.example", "4711");
  ann.user.groups = {"dev", "ops"};
  ASSERT_TRUE(open()->commit({{ann}, {}, {}, {}}));
  auto changed = open()->load()->users[0];
  changed.user.groups = {"ops", "sales"};
  ASSERT_TRUE(open()->commit({{changed}, {}, {}, {}}));
  EXPECT_EQ(open()->load()->users[0].user.groups, changed.user.groups);
  // A write that comes too late changes none of them.
  changed.user.groups = {};
  EXPECT_EQ(commit({{changed}, {}, {}, {}}), ErrorCode::kConflict);
  EXPECT_EQ(open()->load()->users[0].user.groups.size(), 2u);
}

TEST_F(AccountStoreTest, account_is_one_users) {
  ASSERT_TRUE(open()->commit({{person(1, "https://id.example", "4711")}, {}, {}, {}}));
  EXPECT_EQ(commit({{person(2, "https://id.example", "4711")}, {}, {}, {}}),
            ErrorCode::kAlreadyExists);
  // Another provider's 4711 is somebody else, and nobody's account is any number of users'.
  EXPECT_EQ(commit({{person(2, "https://other.example", "4711")}, {}, {}, {}}), std::nullopt);
  EXPECT_EQ(commit({{user(3, "bob"), user(4, "carol")}, {}, {}, {}}), std::nullopt);
  EXPECT_EQ(open()->load()->users.size(), 4u);
}

TEST_F(AccountStoreTest, half_an_account_is_refused) {
  EXPECT_NE(commit({{person(1, "https://id.example", "")}, {}, {}, {}}), std::nullopt);
  EXPECT_NE(commit({{person(1, "", "4711")}, {}, {}, {}}), std::nullopt);
}

TEST_F(AccountStoreTest, groups_go_with_their_user) {
  auto ann = person(1, "https://id.example", "4711");
  ann.user.groups = {"dev"};
  ASSERT_TRUE(open()->commit({{ann}, {}, {}, {}}));
  ASSERT_TRUE(open()->commit({{}, {Removal<UserId>{UserId(1), Revision(1)}}, {}, {}}));
  auto next = person(1, "https://id.example", "4711");
  ASSERT_TRUE(open()->commit({{next}, {}, {}, {}}));
  EXPECT_TRUE(open()->load()->users[0].user.groups.empty());
}

// As the steps before kSignInStep left it.
TEST_F(AccountStoreTest, users_of_an_older_schema_have_no_account) {
  ASSERT_TRUE(open()->commit({{user(1, "ann")}, {}, {}, {}}));
  ASSERT_EQ(undo_to(7, path()), "");
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  auto ann = contents->users.at(0);
  EXPECT_EQ(ann.issuer + ann.subject, "");
  ann.issuer = "https://id.example";
  ann.subject = "4711";
  ann.user.groups = {"dev"};
  ASSERT_TRUE(open()->commit({{ann}, {}, {}, {}}));
  EXPECT_EQ(open()->load()->users[0].subject, "4711");
}

}  // namespace
}  // namespace kernmesh::store
