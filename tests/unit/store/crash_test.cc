// SPDX-License-Identifier: Apache-2.0
// C11: the store on a disk that loses power at any point. What was acknowledged is there; a commit
// or a step of the schema that was under way is there whole or not at all; the database opens.
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/store/crash.h"
#include "tests/unit/store/life.h"
#include "tests/unit/store/older_schema.h"

namespace kernmesh::store {
namespace {

constexpr std::size_t kLargePolicy = 1'500'000;

std::vector<Commit> life() {
  Life life(kLargePolicy);
  life.leave();
  return life.commits();
}

// So that a kind of record that is new has to be lived too.
TEST(StoreCrash, the_life_that_is_crashed_writes_every_kind_of_record_and_table) {
  std::set<std::size_t> written, removed;
  for (const auto& commit : life()) {
    for (const auto& record : commit.puts) written.insert(record.index());
    for (const auto& removal : commit.removals) removed.insert(removal.index());
  }
  EXPECT_EQ(written.size(), std::variant_size_v<Record>);
  EXPECT_EQ(removed.size(), std::variant_size_v<AnyRemoval>);
  const Folder folder;
  std::set<std::string> empty;
  const Recording fresh = record(folder, {});
  for (const auto& [table, rows] : fresh.held.at(0).rows) {
    if (rows.empty()) empty.insert(table);
  }
  EXPECT_GT(empty.size(), 10U);
  const Folder lived;
  const Recording recording = record(lived, life());
  for (const Tables& held : recording.held) {
    for (const auto& [table, rows] : held.rows) {
      if (!rows.empty()) empty.erase(table);
    }
  }
  EXPECT_EQ(empty, std::set<std::string>());
}

TEST(StoreCrash, c11_power_lost_at_any_point_of_a_life_keeps_what_was_acknowledged) {
  const Folder folder;
  const auto recording = record(folder, life());
  ASSERT_EQ(recording.held.size(), life().size() + 1);
  EXPECT_GT(crash_everywhere(recording, {}, 199), 150);
}

// What a crash left is recovered by the next start, which may lose power as well.
TEST(StoreCrash, c11_power_lost_while_a_crash_is_recovered_keeps_what_was_acknowledged) {
  const Folder first;
  const auto commits = life();
  const auto recording = record(first, commits);
  std::mt19937 random(7);
  int crashes = 0;
  for (const std::size_t commit : {1UL, 5UL, 8UL, 9UL, commits.size() - 1}) {
    CrashedDisk disk({});
    const std::size_t point = recording.acknowledged[commit];
    for (std::size_t i = 0; i < point; ++i) disk.apply(recording.operations[i]);
    const auto left = disk.files(Unsynced::kTorn, random);
    const Folder second;
    second.fill(left);
    const auto again = record(second, {{{user_named(9, "zoe")}, {}, {}, Audience::kServer}});
    ASSERT_EQ(again.held[0], recording.held[commit + 1]);
    crashes += crash_everywhere(again, left, 199);
  }
  EXPECT_GT(crashes, 60);
}

// A database in which everything is that its version knew, of each version that there was.
TEST(StoreCrash, c11_power_lost_at_any_point_of_a_migration_keeps_all_that_was_there) {
  const Folder fresh;
  const Tables newest = record(fresh, {}).held.at(0);
  int crashes = 0;
  for (int schema = 1; schema < kNewestUndone; ++schema) {
    SCOPED_TRACE("from schema " + std::to_string(schema));
    const Folder folder;
    record(folder, Life(2'000).commits());
    ASSERT_EQ(undo_to(schema, folder.database()), "");
    const Tables before = tables_in(folder.database());
    ASSERT_EQ(before.rows.at("migration").size(), static_cast<std::size_t>(schema));
    for (const auto& [table, rows] : before.rows) EXPECT_FALSE(rows.empty()) << table;
    const auto files = folder.files();
    ASSERT_EQ(files.size(), 1U) << "the log of before is in the database";
    const auto recording = record(folder, {});
    const Tables& after = recording.held.at(0);
    EXPECT_EQ(lost(before, after), "");
    EXPECT_EQ(after.rows.at("migration"), newest.rows.at("migration"));
    crashes += crash_everywhere(recording, files, 23);
  }
  EXPECT_GT(crashes, 300);
}

}  // namespace
}  // namespace kernmesh::store
