// SPDX-License-Identifier: Apache-2.0
// A network is copied while it runs and brought back: C14 of the hostile cases, an old backup.
#include <sys/stat.h>

#include <fstream>

#include "controller/core/netmap/merge.h"
#include "controller/server/backup.h"
#include "tests/unit/server/fixture.h"
#include "tests/unit/server/killed_program.h"

namespace kernmesh::server {
namespace {

class BackupTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    backup_ = directory_ + ".backup";
  }
  void TearDown() override {
    ServerTest::TearDown();
    for (const auto& path : {backup_, backup_ + "2", backup_ + ".partial", backup_ + ".state"}) {
      std::filesystem::remove_all(path);
    }
  }
  void make_backup() {
    const auto made = back_up(directory_, backup_);
    ASSERT_TRUE(made) << made.error().message();
  }
  Restored bring_back(std::chrono::seconds later = {}) {
    server_.reset();
    auto done = restore(backup_, directory_, system_now() + later);
    EXPECT_TRUE(done) << done.error().message();
    return done ? *done : Restored{};
  }
  netmap::Netmap first_map(const rpc::Session& session) {
    const auto update = Watcher(client(), session).first();
    const auto* map = std::get_if<netmap::Netmap>(&update);
    EXPECT_NE(map, nullptr) << "the first update is no snapshot";
    return map != nullptr ? *map : netmap::Netmap{};
  }
  std::set<std::string> users() {
    std::set<std::string> names;
    const auto listed = admin_->list_users();
    EXPECT_TRUE(listed) << listed.error().message();
    if (listed) {
      for (const auto& user : listed->users()) names.insert(user.name());
    }
    return names;
  }
  std::string database() const { return directory_ + "/server.db"; }

  std::string backup_;
};

TEST_F(BackupTest, a_restored_network_is_that_of_the_backup_with_its_authority_and_token) {
  const TestNode node;
  const auto session = join(node);
  const auto fingerprint = server_->fingerprint();
  make_backup();
  ASSERT_TRUE(admin_->create_user("eve"));
  ASSERT_TRUE(admin_->remove_node(to_string(session.node_id)));
  const auto done = bring_back();
  EXPECT_EQ(done.contents.users, 1U);
  EXPECT_EQ(done.contents.nodes, 1U);
  start();  // with the token of before
  EXPECT_EQ(users(), (std::set<std::string>{"ann"}));
  EXPECT_EQ(server_->fingerprint(), fingerprint);
  EXPECT_TRUE(client()->register_node(node.registration()));
}

TEST_F(BackupTest, c14_nodes_accept_what_an_administrator_restored_and_refuse_an_old_copy) {
  const TestNode node;
  auto session = join(node);
  make_backup();
  for (const char* const name : {"bob", "eve"}) ASSERT_TRUE(admin_->create_user(name));
  join(TestNode{});  // raises the revision that the node hears of
  const auto held = first_map(session);
  server_.reset();

  // Not restored, put there: the same epoch, an older revision.
  std::filesystem::copy_file(backup_ + "/server.db", database(),
                             std::filesystem::copy_options::overwrite_existing);
  for (const char* const log : {"-wal", "-shm"}) std::filesystem::remove(database() + log);
  start();
  session = *client()->register_node(node.registration());
  const netmap::MergeRules rules{
      {machine_public_key(node.machine), node_public_key(node.node), disco_public_key(node.disco)},
      {}};
  const auto refused = netmap::apply_snapshot(held, first_map(session), rules);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict) << refused.error().message();

  bring_back();
  start();
  session = *client()->register_node(node.registration());
  const auto restored = first_map(session);
  EXPECT_GT(restored.version.epoch, held.version.epoch);
  const auto taken = netmap::apply_snapshot(held, restored, rules);
  EXPECT_TRUE(taken) << taken.error().message();
}

// A restore that was cut short either has changed nothing yet, has done all, or is to be run again.
TEST_F(BackupTest, c14_a_restore_that_is_killed_at_any_point_starts_no_other_network) {
  const auto fingerprint = server_->fingerprint();
  make_backup();
  ASSERT_TRUE(admin_->create_user("eve"));
  server_.reset();
  const std::string saved = backup_ + ".state";
  std::filesystem::copy(directory_, saved, std::filesystem::copy_options::recursive);
  const std::vector<std::string> words{server_program(), "restore", backup_, "--state-dir",
                                       directory_};
  int refused = 0, step = 0;
  for (auto end = LifeEnd::kKilled; end == LifeEnd::kKilled;) {
    SCOPED_TRACE("killed at step " + std::to_string(++step));
    std::filesystem::remove_all(directory_);
    std::filesystem::copy(saved, directory_, std::filesystem::copy_options::recursive);
    end = run_until_step(words, step);
    const auto server = start_server(options_);
    if (server) {
      EXPECT_EQ((*server)->fingerprint(), fingerprint);
      EXPECT_FALSE((*server)->is_new());
    } else {
      ++refused;
      EXPECT_EQ(server.error().code(), ErrorCode::kConflict) << server.error().message();
      EXPECT_NE(server.error().message().find("mesh-server restore"), std::string::npos);
      EXPECT_FALSE(back_up(directory_, backup_ + "2")) << "half of a network";
    }
    if (server) continue;
    const auto again = restore(backup_, directory_, system_now());
    ASSERT_TRUE(again) << again.error().message();
    start();
    EXPECT_EQ(server_->fingerprint(), fingerprint);
    EXPECT_EQ(users(), (std::set<std::string>{"ann"}));
    server_.reset();
  }
  EXPECT_GE(refused, 12) << "each of its renames";
  std::printf("%d points, %d of them refused\n", step, refused);
}

TEST_F(BackupTest, a_restore_that_is_run_again_raises_the_epoch_beyond_the_one_cut_short) {
  make_backup();
  server_.reset();
  const auto late = system_now() + std::chrono::days(3650);
  const auto first = restore(backup_, directory_, late);
  ASSERT_TRUE(first);
  // As a kill leaves it that comes when the database is aside, and then the clock goes back.
  std::filesystem::remove(database());
  std::ofstream(directory_ + "/restoring") << to_string(first->contents.version.epoch) << "\n";
  const auto again = restore(backup_, directory_, system_now());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_GT(again->contents.version.epoch, first->contents.version.epoch);
  start();
}

// An error is no better than a kill.
TEST_F(BackupTest, a_restore_that_fails_when_it_is_run_again_leaves_the_server_refusing) {
  make_backup();
  server_.reset();
  std::filesystem::remove(database());
  std::filesystem::remove(directory_ + "/admin.token");
  std::filesystem::remove(directory_ + "/ca.key");
  std::ofstream(directory_ + "/restoring") << "1\n";
  std::ofstream(backup_ + "/server.db") << "no database";
  EXPECT_FALSE(restore(backup_, directory_, system_now()));
  const auto server = start_server(options_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code(), ErrorCode::kConflict) << server.error().message();
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/ca.key"));
}

TEST_F(BackupTest, the_same_backup_restored_again_elsewhere_is_newer_than_its_first_restore) {
  make_backup();
  const auto first = bring_back();
  std::filesystem::remove_all(directory_);
  const auto second = bring_back(std::chrono::seconds(60));
  EXPECT_GT(second.contents.version.epoch, first.contents.version.epoch);
  EXPECT_EQ(second.replaced, "");
  start();
  EXPECT_EQ(users(), (std::set<std::string>{"ann"}));
}

TEST_F(BackupTest, a_clock_that_went_back_does_not_lower_the_epoch) {
  make_backup();
  const auto first = bring_back();
  const auto second = bring_back(-std::chrono::days(3650));
  EXPECT_GT(second.contents.version.epoch, first.contents.version.epoch);
}

TEST_F(BackupTest, what_a_restore_replaces_is_kept_beside_it) {
  make_backup();
  ASSERT_TRUE(admin_->create_user("eve"));
  const auto done = bring_back();
  ASSERT_NE(done.replaced, "");
  ASSERT_TRUE(std::filesystem::exists(done.replaced + "/server.db"));
  // It is a state directory like any other.
  std::filesystem::rename(done.replaced, backup_ + "2");
  std::filesystem::remove_all(directory_);
  directory_ = options_.state_dir = backup_ + "2";
  start();
  EXPECT_EQ(users(), (std::set<std::string>{"ann", "eve"}));
  server_.reset();
}

TEST_F(BackupTest, copies_made_while_the_server_commits_hold_all_that_was_acknowledged_before) {
  std::atomic<int> acknowledged = 0;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    auto own = rpc::AdminClient::connect(address_, token_);
    ASSERT_TRUE(own);
    for (int i = 0; !stop; ++i) {
      ASSERT_TRUE(own->create_user("user-" + std::to_string(i)));
      acknowledged = i + 1;
    }
  });
  int before = 0;
  for (int round = 0; round < 10; ++round) {
    // A copy under each of ten different moments of the writer's life.
    const int since = acknowledged;
    while (acknowledged < since + 3) std::this_thread::yield();
    before = acknowledged;
    const auto made = back_up(directory_, backup_);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_GE(made->users, static_cast<std::size_t>(before) + 1);
    std::filesystem::remove_all(backup_);
  }
  stop = true;
  writer.join();
  EXPECT_GE(before, 30);
}

TEST_F(BackupTest, a_server_that_runs_keeps_its_state) {
  make_backup();
  ASSERT_TRUE(admin_->create_user("eve"));
  const auto refused = restore(backup_, directory_, system_now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(users(), (std::set<std::string>{"ann", "eve"}));
}

TEST_F(BackupTest, a_backup_that_is_damaged_changes_nothing) {
  make_backup();
  ASSERT_TRUE(admin_->create_user("eve"));
  server_.reset();
  {
    std::fstream file(backup_ + "/server.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    const std::string garbage(8192, '\x5a');
    file.write(garbage.data(), static_cast<std::streamsize>(garbage.size()));
  }
  const auto refused = restore(backup_, directory_, system_now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kCorrupt) << refused.error().message();
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/restoring"));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/restoring.partial"));
  start();
  EXPECT_EQ(users(), (std::set<std::string>{"ann", "eve"}));
}

TEST_F(BackupTest, wrong_directories_are_named_and_nothing_is_overwritten) {
  make_backup();
  const auto again = back_up(directory_, backup_ + "/");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  const auto nowhere = back_up(directory_ + "/none", backup_ + "2");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(backup_ + "2"));
  server_.reset();
  const auto no_backup = restore(directory_ + "/none", directory_, system_now());
  ASSERT_FALSE(no_backup);
  EXPECT_EQ(no_backup.error().code(), ErrorCode::kNotFound);
}

TEST_F(BackupTest, only_its_owner_can_read_a_backup) {
  make_backup();
  const auto mode = [](const std::string& path) {
    struct stat file {};
    EXPECT_EQ(stat(path.c_str(), &file), 0) << path;
    return file.st_mode & 0777;
  };
  EXPECT_EQ(mode(backup_), 0700U);
  for (const char* const name : {"server.db", "ca.key", "admin.token", "ticket.key"}) {
    EXPECT_EQ(mode(backup_ + "/" + name), 0600U) << name;
  }
}

}  // namespace
}  // namespace kernmesh::server
