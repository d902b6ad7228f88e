// SPDX-License-Identifier: Apache-2.0
// Who did what, from where: in the store, by page, as a stream, in a file.
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <condition_variable>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "controller/server/audit.h"
#include "controller/server/audit_journal.h"
#include "controller/server/denial_log.h"
#include "controller/store/sqlite_store.h"
#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class AuditTest : public PeopleTest {
 protected:
  std::vector<std::string> lines_of(const std::string& path) {
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
};

// Reads a watch in a thread.
class Follower {
 public:
  Follower(std::unique_ptr<rpc::AdminClient> client, mesh::v1::WatchEventsRequest request)
      : client_(std::move(client)), thread_([this, request] {
          const auto end = client_->watch_events(
              request,
              [this](const mesh::v1::AuditEvent& event) {
                const std::lock_guard lock(mutex_);
                events_.push_back(event);
                condition_.notify_all();
              },
              cancellation_);
          const std::lock_guard lock(mutex_);
          end_ = end;
          condition_.notify_all();
        }) {}
  ~Follower() {
    cancellation_.cancel();
    thread_.join();
  }
  std::vector<mesh::v1::AuditEvent> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(condition_.wait_for(lock, kDeadline, [&] { return events_.size() >= count; }));
    return events_;
  }
  Status wait_for_end() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(condition_.wait_for(lock, kDeadline, [&] { return end_.has_value(); }));
    return end_.value_or(Status());
  }

 private:
  std::unique_ptr<rpc::AdminClient> client_;
  rpc::Cancellation cancellation_;
  std::mutex mutex_;
  std::condition_variable condition_;
  std::vector<mesh::v1::AuditEvent> events_;
  std::optional<Status> end_;
  std::thread thread_;
};

TEST_F(AuditTest, an_event_names_who_did_what_to_what_from_where) {
  const auto ada = caller("ada", "admin");
  ASSERT_TRUE(ada->create_user("bob"));
  const auto event = audit("user.create").front();
  EXPECT_EQ(event.actor(), "user ada, token 1");
  EXPECT_EQ(event.action(), "user.create");
  EXPECT_EQ(event.subject(), "user bob");
  EXPECT_THAT(event.from(), StartsWith("127.0.0.1:"));
  EXPECT_GT(event.at(), 0);
  const TestNode node;
  join(node);
  EXPECT_EQ(audit("node.join").front().actor(), "node 1");
  EXPECT_THAT(audit("node.join").front().from(), StartsWith("127.0.0.1:"));
  EXPECT_EQ(audit("key").front().actor(), "administrator token");
}

TEST_F(AuditTest, c1_a_key_of_another_node_is_refused_and_audited) {
  const TestNode victim;
  join(victim);
  TestNode thief;
  thief.node = victim.node;
  EXPECT_FALSE(client()->register_node(thief.registration(make_key().secret())));
  const auto denied = audit("register.denied");
  ASSERT_EQ(denied.size(), 1u);
  EXPECT_THAT(denied[0].detail(), HasSubstr("belongs to another node"));
  EXPECT_THAT(denied[0].from(), StartsWith("127.0.0.1:"));
}

TEST_F(AuditTest, filters_by_actor_action_and_time_in_stable_pages) {
  const auto ada = caller("ada", "admin");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ada->create_user("u" + std::to_string(i)));
  clock_offset_s_ = 1000;
  ASSERT_TRUE(admin_->create_user("later"));
  mesh::v1::ListAuditEventsRequest request;
  request.mutable_filter()->set_actor("user ada");
  request.set_page_size(2);
  std::vector<std::string> subjects;
  for (;;) {
    const auto page = admin_->list_audit_events(request);
    ASSERT_TRUE(page) << page.error().message();
    EXPECT_LE(page->events_size(), 2);
    for (const auto& event : page->events()) subjects.push_back(event.subject());
    if (page->next_page_token().empty()) break;
    ASSERT_TRUE(ada->delete_user("u" + std::to_string(subjects.size())));  // newer than any page
    request.set_page_token(page->next_page_token());
  }
  EXPECT_THAT(subjects, ElementsAre("user u4", "user u3", "user u2", "user u1", "user u0"));
  request.clear_page_token();
  request.mutable_filter()->set_actor("");
  request.mutable_filter()->set_since(system_now().time_since_epoch().count() + 900);
  request.mutable_filter()->set_action("user.create");
  ASSERT_EQ(admin_->list_audit_events(request)->events_size(), 1);
  EXPECT_EQ(admin_->list_audit_events(request)->events(0).subject(), "user later");
  request.set_page_token("after-x");
  EXPECT_EQ(admin_->list_audit_events(request).error().code(), ErrorCode::kInvalid);
}

TEST_F(AuditTest, a_flood_of_refused_calls_is_counted_and_not_written) {
  const auto mia = caller("mia");
  const auto before = audit().size();
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(mia->create_user("eve"));
  auto denied = audit("call.denied");
  ASSERT_EQ(denied.size(), kDenialBurst);
  EXPECT_EQ(audit().size(), before + kDenialBurst);
  EXPECT_EQ(denied[0].actor(), "user mia, token 1");
  EXPECT_EQ(denied[0].subject(), "/mesh.v1.Admin/CreateUser");
  clock_offset_s_ = 61;
  EXPECT_FALSE(mia->create_user("eve"));
  EXPECT_FALSE(mia->create_user("eve"));
  denied = audit("call.denied");
  ASSERT_EQ(denied.size(), kDenialBurst + 1);
  EXPECT_THAT(denied[0].detail(), HasSubstr("(140 more were refused before it)"));
}

TEST_F(AuditTest, a_guessed_token_is_audited_without_itself) {
  topology::Ticket forged;
  forged.kind = topology::TicketKind::kAdminToken;
  forged.ca = server_->fingerprint();
  EXPECT_FALSE(client_of(to_string(forged))->list_users());
  const auto denied = audit("call.denied");
  ASSERT_EQ(denied.size(), 1u);
  EXPECT_EQ(denied[0].actor(), "stranger");
  EXPECT_EQ(denied[0].DebugString().find(to_string(forged)), std::string::npos);
}

TEST_F(AuditTest, a_watch_tells_each_event_once_and_resumes_where_it_stopped) {
  mesh::v1::WatchEventsRequest request;
  request.set_after_id(0);
  request.mutable_filter()->set_action("user");
  std::uint64_t last = 0;
  {
    Follower follower(client_of(token_), request);
    follower.wait_for(1);  // ann
    ASSERT_TRUE(admin_->create_user("bob"));
    const auto events = follower.wait_for(2);
    EXPECT_EQ(events[0].subject(), "user ann");
    EXPECT_EQ(events[1].subject(), "user bob");
    last = events[1].id();
  }
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(admin_->create_user("u" + std::to_string(i)));
  request.set_after_id(last);
  Follower follower(client_of(token_), request);
  const auto events = follower.wait_for(250);
  ASSERT_EQ(events.size(), 250u);
  for (int i = 0; i < 250; ++i) EXPECT_EQ(events[i].subject(), "user u" + std::to_string(i));
}

TEST_F(AuditTest, a_watch_ends_with_the_token_it_was_opened_by) {
  make_user("ada", "auditor");
  const auto token = make_token(token_request("ada"));
  mesh::v1::WatchEventsRequest request;
  request.set_after_id(0);
  Follower follower(client_of(token.secret()), request);
  follower.wait_for(1);
  ASSERT_TRUE(admin_->revoke_token(token.token().id()));
  const auto end = follower.wait_for_end();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kUnauthenticated);
}

TEST_F(AuditTest, a_reader_that_does_not_read_holds_up_nobody) {
  mesh::v1::WatchEventsRequest request;
  request.set_after_id(0);
  std::mutex reading;
  std::unique_lock held(reading);
  rpc::Cancellation cancellation;
  std::thread slow([&, client = client_of(token_)] {
    EXPECT_TRUE(client->watch_events(
        request, [&](const auto&) { const std::lock_guard wait(reading); }, cancellation));
  });
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(admin_->create_user("u" + std::to_string(i)));
  Follower quick(client_of(token_), request);
  EXPECT_EQ(quick.wait_for(301).size(), 301u);
  cancellation.cancel();
  held.unlock();
  slow.join();
}

TEST_F(AuditTest, the_file_has_a_json_line_for_each_event_and_goes_on_after_a_restart) {
  server_.reset();
  options_.audit_log = directory_ + "/audit.jsonl";
  start();
  ASSERT_TRUE(admin_->create_user("bob"));
  server_.reset();  // which writes what is left
  start();
  ASSERT_TRUE(admin_->create_user("eva"));
  server_.reset();
  const auto lines = lines_of(options_.audit_log);
  ASSERT_EQ(lines.size(), 2u);
  const auto first = nlohmann::json::parse(lines[0]);
  EXPECT_THAT(first["time"].get<std::string>(),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"))
      << "RFC 3339, as meshadm writes it";
  EXPECT_EQ(first["actor"], "administrator token");
  EXPECT_EQ(first["action"], "user.create");
  EXPECT_EQ(first["subject"], "user bob");
  EXPECT_THAT(first["from"].get<std::string>(), StartsWith("127.0.0.1:"));
  EXPECT_EQ(nlohmann::json::parse(lines[1])["subject"], "user eva");
  EXPECT_EQ(std::filesystem::status(options_.audit_log).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

store::AuditEvent event_of(const std::string& subject,
                           std::chrono::seconds at = std::chrono::seconds(5)) {
  return {WallTime(at), "server", "test", subject, "", ""};
}

class JournalTest : public AuditTest {
 protected:
  void SetUp() override {
    AuditTest::SetUp();
    server_.reset();  // it must not meet the full disk too
    store_ = std::move(*store::open_sqlite_store(directory_ + "/other.db"));
    path_ = directory_ + "/audit.jsonl";
  }
  void add(const std::string& subject, std::chrono::seconds at = std::chrono::seconds(5)) {
    store::Commit commit;
    commit.audit = {event_of(subject, at)};
    ASSERT_TRUE(store_->commit(commit));
  }
  std::vector<std::string> subjects() {
    std::vector<std::string> found;
    for (const auto& line : lines_of(path_)) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      found.push_back(json.is_object() ? json["subject"].get<std::string>() : "torn");
    }
    return found;
  }
  std::unique_ptr<store::Store> store_;
  std::string path_;
};

TEST_F(JournalTest, a_full_disk_loses_nothing_and_tears_no_line) {
  add("before");
  auto journal = *AuditJournal::open(path_, *store_);
  add("one");
  ASSERT_TRUE(journal->catch_up());
  // A limit on the file's size behaves as a full disk: a short write, then an error.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  rlimit full{std::filesystem::file_size(path_) + 20, old.rlim_max};
  for (const char* subject : {"two", "three"}) add(subject);
  setrlimit(RLIMIT_FSIZE, &full);
  const auto status = journal->catch_up();
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_FALSE(status);
  EXPECT_THAT(subjects(), ElementsAre("one"));
  ASSERT_TRUE(journal->catch_up());
  EXPECT_THAT(subjects(), ElementsAre("one", "two", "three"));
}

TEST_F(JournalTest, goes_on_behind_a_line_that_a_crash_has_torn) {
  {
    auto journal = *AuditJournal::open(path_, *store_);
    for (const char* subject : {"one", "two"}) add(subject);
    ASSERT_TRUE(journal->catch_up());
  }
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 10);
  auto journal = *AuditJournal::open(path_, *store_);
  add("three");
  ASSERT_TRUE(journal->catch_up());
  EXPECT_THAT(subjects(), ElementsAre("one", "torn", "two", "three"));
}

TEST_F(JournalTest, a_file_that_was_moved_away_is_made_anew) {
  auto journal = *AuditJournal::open(path_, *store_);
  add("one");
  ASSERT_TRUE(journal->catch_up());
  std::filesystem::rename(path_, path_ + ".1");
  add("two");
  ASSERT_TRUE(journal->catch_up());
  EXPECT_THAT(subjects(), ElementsAre("two"));
}

// The file has "one" to "four", the backup was taken after "two".
TEST_F(JournalTest, a_restore_of_an_older_backup_is_written) {
  {
    auto journal = *AuditJournal::open(path_, *store_);
    for (const char* subject : {"one", "two"}) add(subject);
    ASSERT_TRUE(journal->catch_up());
    std::filesystem::copy(directory_ + "/other.db", directory_ + "/older.db");
    std::filesystem::copy(directory_ + "/other.db-wal", directory_ + "/older.db-wal");
    for (const char* subject : {"three", "four"}) add(subject, std::chrono::seconds(6));
    ASSERT_TRUE(journal->catch_up());
  }
  store_ = std::move(*store::open_sqlite_store(directory_ + "/older.db"));
  for (const char* subject : {"restore", "five"}) add(subject, std::chrono::seconds(7));
  for (int starts = 0; starts < 2; ++starts) {
    auto journal = *AuditJournal::open(path_, *store_);
    ASSERT_TRUE(journal->catch_up());
    EXPECT_THAT(subjects(), ElementsAre("one", "two", "three", "four", "restore", "five"));
  }
}

TEST_F(JournalTest, after_a_restore_into_a_file_of_another_network_the_restore_is_written) {
  std::ofstream(path_) << R"({"id": 70, "time": "2020-01-01T00:00:00Z", "action": "node.join",)"
                       << R"( "subject": "theirs"})"
                       << "\n";
  add("one");
  store::Commit commit;
  commit.audit.push_back(event_of("restore"));
  commit.audit.front().action = kRestoreAction;
  ASSERT_TRUE(store_->commit(commit));
  add("two");
  ASSERT_TRUE((*AuditJournal::open(path_, *store_))->catch_up());
  EXPECT_THAT(subjects(), ElementsAre("theirs", "restore", "two"));
}

TEST_F(JournalTest, a_file_that_is_something_else_is_refused) {
  std::ofstream(path_) << "root:x:0:0\n";
  const auto journal = AuditJournal::open(path_, *store_);
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace kernmesh::server
