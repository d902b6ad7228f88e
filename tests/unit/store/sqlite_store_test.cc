// SPDX-License-Identifier: Apache-2.0
#include "controller/store/sqlite_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/store/older_schema.h"

namespace kernmesh::store {
namespace {

class SqliteStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/kernmesh-store-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    path_ = directory_ + "/server.db";
  }
  void TearDown() override {
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(directory_);
  }
  std::unique_ptr<Store> open() {
    auto store = open_sqlite_store(path_);
    EXPECT_TRUE(store) << store.error().message();
    return store ? std::move(*store) : nullptr;
  }
  void execute(const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  std::string directory_;
  std::string path_;
};

UserRecord user_of(std::uint64_t id, const std::string& name) {
  return {{UserId(id), name, WallTime(std::chrono::seconds(5))}};
}

NodeRecord node_of(std::uint8_t id) {
  NodeRecord record;
  record.node.id = NodeId(id);
  record.node.name = "n" + std::to_string(id);
  record.node.user_id = UserId(1);
  record.node.machine_key = MachinePublicKey({id, 1});
  record.node.node_key = NodePublicKey({id, 2});
  record.node.disco_key = DiscoPublicKey({id, 3});
  record.node.addresses = {*IpAddress::parse("100.64.0.1"), *IpAddress::parse("fd7a::1")};
  record.node.endpoints = {*Endpoint::parse("[2001:db8::1]:4500")};
  record.node.key_expires_at = WallTime(std::chrono::seconds(99));
  record.facts = {{Epoch(1), Revision(3)}, "0.1.0", "6.1.0"};
  return record;
}

JoinKeyRecord key_of(std::uint64_t id) {
  JoinKeyRecord record;
  record.id = JoinKeyId(id);
  record.hash.fill(static_cast<std::uint8_t>(id));
  record.hint = "mk-abc";
  record.user_id = UserId(1);
  return record;
}

TEST_F(SqliteStoreTest, what_was_committed_is_there_after_reopening) {
  MetaRecord meta;
  meta.epoch = Epoch(1);
  meta.overlay = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a::/48")};
  meta.token_secret.mutable_bytes()[0] = 7;
  {
    const auto store = open();
    ASSERT_TRUE(store->commit({{meta, user_of(1, "ann")}, {}, {}, Audience::kServer}));
    ASSERT_TRUE(store->commit(
        {{node_of(2), key_of(3), AllocationRecord{9, NodeId(2)}}, {}, {}, Audience::kNetwork}));
  }
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  EXPECT_EQ(contents->revision, Revision(2));
  EXPECT_EQ(contents->network_revision, Revision(2));
  meta.written = Revision(1);
  EXPECT_TRUE(contents->meta == meta);
  auto node = node_of(2);
  node.written = Revision(2);
  ASSERT_EQ(contents->nodes.size(), 1u);
  EXPECT_TRUE(contents->nodes[0] == node);
  EXPECT_EQ(contents->highest.node, NodeId(2));
  EXPECT_EQ(contents->highest.join_key, JoinKeyId(3));
  EXPECT_EQ(contents->highest.slot, 9u);
}

TEST_F(SqliteStoreTest, relays_and_keys_for_them_are_there_after_reopening) {
  RelayRecord relay;
  relay.relay.id = netmap::RelayId(4);
  relay.relay.name = "fra1";
  relay.relay.region = "fra";
  relay.relay.key = RelayPublicKey({1, 2});
  relay.relay.endpoints = {*Endpoint::parse("192.0.2.9:3478"), *Endpoint::parse("[2001:db8::9]:1")};
  relay.relay.tls_port = Port(443);
  relay.relay.tls_fingerprint.fill(5);
  relay.relay.draining = true;
  relay.machine_key = MachinePublicKey({3, 4});
  relay.last_seen_at = WallTime(std::chrono::seconds(7));
  relay.version = "0.1.0";
  JoinKeyRecord key = key_of(1);
  key.admits = Admits::kRelay;
  key.user_id = {};
  ASSERT_TRUE(open()->commit({{relay, key}, {}, {}, Audience::kNetwork}));
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  relay.written = key.written = Revision(1);
  ASSERT_EQ(contents->relays.size(), 1u);
  EXPECT_TRUE(contents->relays[0] == relay);
  ASSERT_EQ(contents->join_keys.size(), 1u);
  EXPECT_TRUE(contents->join_keys[0] == key);
  ASSERT_TRUE(open()->commit(
      {{}, {Removal<netmap::RelayId>{relay.relay.id, Revision(1)}}, {}, Audience::kNetwork}));
  EXPECT_TRUE(open()->load()->relays.empty());
  EXPECT_EQ(open()->load()->highest.relay, netmap::RelayId(4));
}

TEST_F(SqliteStoreTest, life_of_a_node_and_settings_are_there_after_reopening) {
  MetaRecord meta;
  meta.epoch = Epoch(1);
  meta.overlay = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a::/48")};
  meta.device_approval = true;
  auto node = node_of(2);
  node.node.state = topology::NodeState::kPending;
  node.node.key_expiry = topology::KeyExpiry::kEnded;
  node.node.key_rotation_due = true;
  node.node.machine_key_shared_at = WallTime(std::chrono::seconds(11));
  node.alarmed_for = WallTime(std::chrono::seconds(12));
  auto key = key_of(3);
  key.pre_approved = true;
  ASSERT_TRUE(open()->commit({{meta, user_of(1, "ann"), node, key}, {}, {}, Audience::kNetwork}));
  auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  meta.written = node.written = key.written = Revision(1);
  EXPECT_TRUE(contents->meta == meta);
  EXPECT_TRUE(contents->nodes.at(0) == node);
  EXPECT_TRUE(contents->join_keys.at(0) == key);
  meta.device_approval = false;
  node.node.key_expiry = topology::KeyExpiry::kDate;
  ASSERT_TRUE(open()->commit({{meta, node}, {}, {}, Audience::kNetwork}));
  contents = open()->load();
  EXPECT_FALSE(contents->meta->device_approval);
  EXPECT_EQ(contents->nodes.at(0).node.key_expiry, topology::KeyExpiry::kDate);
}

// As the first six steps left it.
TEST_F(SqliteStoreTest, tagged_nodes_of_an_older_schema_do_not_expire_any_more) {
  auto tagged = node_of(2), plain = node_of(3), ended = node_of(4);
  tagged.node.tags = ended.node.tags = {"tag:a"};
  ended.node.state = topology::NodeState::kExpired;
  ASSERT_TRUE(
      open()->commit({{user_of(1, "ann"), tagged, plain, ended}, {}, {}, Audience::kNetwork}));
  ASSERT_EQ(undo_to(6, path_), "");
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  for (const auto& record : contents->nodes) {
    const bool is_tagged_and_in = record.node.id == NodeId(2);
    EXPECT_EQ(record.node.key_expires_at == WallTime{}, is_tagged_and_in) << record.node.name;
    EXPECT_EQ(record.node.key_expiry, topology::KeyExpiry::kPeriod);
  }
}

// As the first four steps left it.
TEST_F(SqliteStoreTest, relay_of_an_older_schema_has_no_tls_until_it_tells_its_certificate) {
  RelayRecord relay;
  relay.relay.id = netmap::RelayId(4);
  relay.relay.name = "fra1";
  relay.relay.tls_port = Port(443);
  ASSERT_TRUE(open()->commit({{relay}, {}, {}, Audience::kNetwork}));
  ASSERT_EQ(undo_to(4, path_), "");
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  ASSERT_EQ(contents->relays.size(), 1u);
  EXPECT_EQ(contents->relays[0].relay.name, "fra1");
  EXPECT_EQ(contents->relays[0].relay.tls_port, Port());
  auto told = contents->relays[0];
  told.relay.tls_port = Port(443);
  told.relay.tls_fingerprint.fill(9);
  ASSERT_TRUE(open()->commit({{told}, {}, {}, Audience::kNetwork}));
  EXPECT_EQ(open()->load()->relays[0].relay, told.relay);
}

// As the first two steps left it, with a user and a key of hers.
TEST_F(SqliteStoreTest, join_keys_of_an_older_schema_are_for_nodes) {
  ASSERT_TRUE(open()->commit({{user_of(1, "ann"), key_of(5)}, {}, {}, {}}));
  ASSERT_EQ(undo_to(2, path_), "");
  const auto contents = open()->load();
  ASSERT_TRUE(contents) << contents.error().message();
  auto key = key_of(5);
  key.written = Revision(1);
  ASSERT_EQ(contents->join_keys.size(), 1u);
  EXPECT_TRUE(contents->join_keys[0] == key);
  EXPECT_EQ(contents->highest.join_key, JoinKeyId(5));
}

TEST_F(SqliteStoreTest, outdated_write_conflicts_and_writes_nothing_of_its_commit) {
  const auto store = open();
  ASSERT_TRUE(store->commit({{user_of(1, "ann")}, {}, {}, {}}));
  auto current = user_of(1, "anna");
  current.written = Revision(1);
  ASSERT_TRUE(store->commit({{current}, {}, {}, {}}));
  auto outdated = user_of(1, "annette");
  outdated.written = Revision(1);
  const auto status = store->commit({{user_of(2, "bob"), outdated}, {}, {}, {}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kConflict);
  const auto contents = store->load();
  ASSERT_EQ(contents->users.size(), 1u);
  EXPECT_EQ(contents->users[0].user.name, "anna");
  EXPECT_EQ(contents->revision, Revision(2));
}

TEST_F(SqliteStoreTest, second_owner_of_a_key_or_name_is_refused) {
  const auto store = open();
  ASSERT_TRUE(store->commit({{user_of(1, "ann"), node_of(1)}, {}, {}, {}}));
  for (int field = 0; field < 4; ++field) {
    auto other = node_of(2);
    if (field == 0) other.node.name = "n1";
    if (field == 1) other.node.machine_key = node_of(1).node.machine_key;
    if (field == 2) other.node.node_key = node_of(1).node.node_key;
    if (field == 3) other.node.disco_key = node_of(1).node.disco_key;
    const auto status = store->commit({{other}, {}, {}, {}});
    ASSERT_FALSE(status) << field;
    EXPECT_EQ(status.error().code(), ErrorCode::kAlreadyExists) << status.error().message();
  }
}

TEST_F(SqliteStoreTest, single_use_key_used_a_hundred_times_at_once_makes_one_node) {
  const auto store = open();
  ASSERT_TRUE(store->commit({{user_of(1, "ann"), key_of(1)}, {}, {}, {}}));
  auto used = store->load()->join_keys.at(0);
  used.use_count = 1;
  std::atomic<int> made = 0;
  std::atomic<int> conflicts = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 100; ++i) {
    threads.emplace_back([&, i] {
      const auto status = store->commit(
          {{used, node_of(static_cast<std::uint8_t>(i + 1))}, {}, {}, Audience::kNetwork});
      if (status) ++made;
      if (!status && status.error().code() == ErrorCode::kConflict) ++conflicts;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(conflicts, 99);
  EXPECT_EQ(store->load()->nodes.size(), 1u);
}

TEST_F(SqliteStoreTest, feed_hears_every_commit_in_order_with_stamped_records) {
  const auto store = open();
  std::vector<Change> heard;
  store->subscribe([&](const Change& change) { heard.push_back(change); });
  ASSERT_TRUE(store->commit({{user_of(1, "ann")}, {}, {}, Audience::kServer}));
  ASSERT_TRUE(store->commit({{node_of(1)}, {}, {}, Audience::kNetwork}));
  ASSERT_FALSE(store->commit({{node_of(1)}, {}, {}, Audience::kNetwork}));
  ASSERT_TRUE(
      store->commit({{}, {Removal<NodeId>{NodeId(1), Revision(2)}}, {}, Audience::kNetwork}));
  ASSERT_EQ(heard.size(), 3u);
  EXPECT_EQ(heard[0].network_revision, Revision(0));
  EXPECT_EQ(heard[1].network_revision, Revision(2));
  EXPECT_EQ(std::get<NodeRecord>(heard[1].puts[0]).written, Revision(2));
  EXPECT_EQ(heard[2].revision, Revision(3));
}

TEST_F(SqliteStoreTest, removed_ids_stay_the_highest) {
  const auto store = open();
  ASSERT_TRUE(store->commit({{user_of(7, "ann")}, {}, {}, {}}));
  ASSERT_TRUE(store->commit({{}, {Removal<UserId>{UserId(7), Revision(1)}}, {}, {}}));
  EXPECT_EQ(store->load()->highest.user, UserId(7));
}

TEST_F(SqliteStoreTest, file_that_is_no_database_is_refused_and_left_as_it_is) {
  const std::string text(4096, 'x');
  std::ofstream(path_) << text;
  const auto store = open_sqlite_store(path_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kCorrupt) << store.error().message();
  EXPECT_NE(store.error().message().find(path_), std::string::npos);
  std::ifstream file(path_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
}

TEST_F(SqliteStoreTest, overwritten_pages_are_found_at_open) {
  {
    const auto store = open();
    ASSERT_TRUE(store->commit({{user_of(1, "ann"), node_of(1)}, {}, {}, {}}));
  }
  const auto size = std::filesystem::file_size(path_);
  ASSERT_GT(size, 3 * 4096u);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(size - 4096, '\x55');
  file.close();
  const auto store = open_sqlite_store(path_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kCorrupt) << store.error().message();
}

TEST_F(SqliteStoreTest, file_that_was_cut_short_is_found_at_open) {
  {
    const auto store = open();
    ASSERT_TRUE(store->commit({{user_of(1, "ann"), node_of(1)}, {}, {}, {}}));
  }
  const auto size = std::filesystem::file_size(path_);
  std::filesystem::resize_file(path_, size / 2);
  const auto store = open_sqlite_store(path_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kCorrupt) << store.error().message();
  EXPECT_NE(store.error().message().find(path_), std::string::npos);
}

// SQLite has no checksums, so a bit of a value may change unseen; but nothing crashes, and what is
// refused names the file.
TEST_F(SqliteStoreTest, flipped_bits_are_refused_or_read_as_a_store_never_worse) {
  {
    const auto store = open();
    ASSERT_TRUE(store->commit({{user_of(1, "ann"), node_of(1), key_of(1)}, {}, {}, {}}));
  }
  std::ifstream original(path_, std::ios::binary);
  const std::string good(std::istreambuf_iterator<char>(original), {});
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); at += at < 512 ? 5 : 397) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1 << at % 8);
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bad;
    std::filesystem::remove(path_ + "-wal");
    std::filesystem::remove(path_ + "-shm");
    const auto store = open_sqlite_store(path_);
    if (!store) {
      ++refused;
      EXPECT_NE(store.error().message().find(path_), std::string::npos);
      continue;
    }
    const auto contents = (*store)->load();
    if (!contents) ++refused;
  }
  EXPECT_GT(refused, 20);
}

TEST_F(SqliteStoreTest, schema_of_a_newer_version_is_refused) {
  open();
  execute("INSERT INTO migration (number) VALUES (999)");
  const auto store = open_sqlite_store(path_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(store.error().message().find("999"), std::string::npos);
}

// A database in memory has no log, as on a file system that cannot share memory.
TEST_F(SqliteStoreTest, place_where_commits_would_not_be_safe_is_refused) {
  const auto store = open_sqlite_store(":memory:");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(store.error().message().find("journal_mode=WAL leaves it at memory"), std::string::npos)
      << store.error().message();
}

TEST_F(SqliteStoreTest, missing_directory_is_a_clear_error) {
  const auto store = open_sqlite_store(directory_ + "/absent/server.db");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kPermissionDenied) << store.error().message();
  EXPECT_NE(store.error().message().find("absent"), std::string::npos);
}

TEST_F(SqliteStoreTest, unreadable_value_is_corrupt_and_names_its_table) {
  const auto store = open();
  ASSERT_TRUE(store->commit({{user_of(1, "ann"), node_of(1)}, {}, {}, {}}));
  execute("UPDATE node SET addresses = '100.64.0.1 nonsense'");
  const auto contents = store->load();
  ASSERT_FALSE(contents);
  EXPECT_EQ(contents.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(contents.error().message().find("node"), std::string::npos);
}

}  // namespace
}  // namespace kernmesh::store
