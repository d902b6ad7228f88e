// SPDX-License-Identifier: Apache-2.0
// C11: the store on a disk that is full, or fails. What was acknowledged is there, and the store
// goes on when the disk does.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/unit/store/crash.h"
#include "tests/unit/store/life.h"

namespace kernmesh::store {
namespace {

// What the commits of a disturbed life came to.
struct Outcome {
  std::vector<bool> acknowledged;
  std::vector<std::string> errors;
};

constexpr int kUsers = 40;

// A user and a policy of some pages a commit, until the log is folded into the database and
// further.
Commit numbered(int number) {
  PolicyRecord policy;
  policy.head.revision = PolicyRevision(static_cast<std::uint32_t>(number + 1));
  policy.text = letters(150'000, static_cast<unsigned>(number));
  return {
      {user_named(static_cast<std::uint64_t>(number + 1), "u" + std::to_string(number)), policy},
      {},
      {},
      Audience::kNetwork};
}

Outcome commit_all(Store& store) {
  Outcome outcome;
  int next = 0;
  for (int i = 0; i < kUsers; ++i) {
    const auto status = store.commit(numbered(next));
    outcome.acknowledged.push_back(bool(status));
    if (status) {
      ++next;
    } else {
      outcome.errors.push_back(status.error().message());
    }
  }
  return outcome;
}

// Users that the store must hold: one for each commit that was acknowledged.
std::size_t acknowledged_in(const Outcome& outcome) {
  return static_cast<std::size_t>(
      std::count(outcome.acknowledged.begin(), outcome.acknowledged.end(), true));
}

using Kind = DiskOperation::Kind;

// Lives on a disk that answers with `code` for a while, from several operations of those it
// concerns on. What was acknowledged is there, before and after a new start; the outcomes.
std::vector<Outcome> live_with(int code, const std::function<bool(Kind)>& concerns) {
  std::vector<Outcome> outcomes;
  for (const int from : {1, 2, 5, 40, 400, 1000, 2500, 2600}) {
    SCOPED_TRACE("from operation " + std::to_string(from));
    const Folder folder;
    int seen = 0;
    bool opened = false;
    Outcome outcome;
    {
      RecordedDisk disk([&](const DiskOperation& operation) {
        if (!opened || !concerns(operation.kind)) return SQLITE_OK;
        ++seen;
        return seen >= from && seen < from + 12 ? code : SQLITE_OK;
      });
      const auto store = open_sqlite_store(folder.database());
      EXPECT_TRUE(store) << store.error().message();
      if (!store) continue;
      opened = true;
      outcome = commit_all(**store);
      EXPECT_EQ((*store)->load()->users.size(), acknowledged_in(outcome));
    }
    const auto store = open_sqlite_store(folder.database());
    EXPECT_TRUE(store) << store.error().message();
    if (store) {
      EXPECT_EQ((*store)->load()->users.size(), acknowledged_in(outcome));
    }
    EXPECT_GT(acknowledged_in(outcome), kUsers / 2U);
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

// Full for a while, then somebody makes room.
TEST(StoreCrash, c11_full_disk_refuses_commits_and_keeps_all_others) {
  EXPECT_EQ(live_with(SQLITE_FULL, [](Kind kind) { return kind == Kind::kWrite; }).size(), 8U);
}

// After a sync that failed the kernel has forgotten what it did not write, so that a second try
// succeeds and means nothing: whoever goes on has to write it all once more.
TEST(StoreCrash, c11_failed_sync_loses_nothing_that_was_acknowledged) {
  std::mt19937 random(11);
  for (int failing = 3; failing < 60; failing += is_long() ? 1 : 6) {
    const Folder folder;
    int syncs = 0;
    bool opened = false;
    Outcome outcome;
    std::vector<DiskOperation> operations;
    {
      RecordedDisk disk([&](const DiskOperation& operation) {
        if (!opened || operation.kind != Kind::kSync) return SQLITE_OK;
        return ++syncs == failing ? SQLITE_IOERR_FSYNC : SQLITE_OK;
      });
      const auto store = open_sqlite_store(folder.database());
      ASSERT_TRUE(store) << store.error().message();
      opened = true;
      outcome = commit_all(**store);
      operations = disk.operations();  // power is lost here
    }
    CrashedDisk crashed({});
    for (const auto& operation : operations) crashed.apply(operation);
    const Folder after;
    after.fill(crashed.files(Unsynced::kLost, random));
    const auto store = open_sqlite_store(after.database());
    ASSERT_TRUE(store) << "sync " << failing << ": " << store.error().message();
    EXPECT_GE((*store)->load()->users.size(), acknowledged_in(outcome)) << "sync " << failing;
    // At most the one that it failed on may be there without having been acknowledged.
    EXPECT_LE((*store)->load()->users.size(), acknowledged_in(outcome) + 1);
  }
}

TEST(StoreCrash, c11_broken_disk_refuses_commits_and_keeps_all_others) {
  const auto outcomes =
      live_with(SQLITE_IOERR_WRITE, [](Kind kind) { return kind != Kind::kSync; });
  EXPECT_EQ(outcomes.size(), 8U);
  for (const auto& outcome : outcomes) {
    for (const auto& error : outcome.errors) EXPECT_NE(error.find("disk I/O error"), error.npos);
  }
}

TEST(StoreCrash, c11_disk_that_is_full_or_broken_at_the_start_is_named) {
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC}) {
    const Folder folder;
    {
      RecordedDisk disk([&](const DiskOperation& operation) {
        return operation.kind == Kind::kDelete ? SQLITE_OK : code;
      });
      const auto store = open_sqlite_store(folder.database());
      ASSERT_FALSE(store);
      EXPECT_NE(store.error().message().find(folder.database()), std::string::npos);
    }
    const auto store = open_sqlite_store(folder.database());
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_TRUE((*store)->commit(numbered(0)));
  }
}

}  // namespace
}  // namespace kernmesh::store
