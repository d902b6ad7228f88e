// SPDX-License-Identifier: Apache-2.0
// Streams of events whose readers misbehave, without a network.
#include "controller/server/audit_desk.h"

#include <condition_variable>

#include "controller/server/first_start.h"
#include "controller/server/stored_policy.h"
#include "controller/store/sqlite_store.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

// A stream whose reader has not taken anything for as long as the test says.
class StuckStream final : public rpc::UpdateStream {
 public:
  explicit StuckStream(Duration stalled) : stalled_(stalled) {}
  void wake() override {}
  void end(const Error& error) override {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = error;
    condition_.notify_all();
  }
  Duration stalled_for() const override { return stalled_; }
  std::optional<Error> wait_for_end() {
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, kDeadline, [&] { return end_.has_value(); });
    return end_;
  }
  bool is_ended() {
    const std::lock_guard lock(mutex_);
    return end_.has_value();
  }

 private:
  Duration stalled_;
  std::mutex mutex_;
  std::condition_variable condition_;
  std::optional<Error> end_;
};

class AuditDeskTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(sodium_init(), 0);
    char name[] = "/tmp/kernmesh-desk-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    path_ = name;
    const auto state = StateDir::open(path_);
    ASSERT_TRUE(state);
    store_ = std::move(*store::open_sqlite_store(state->path_of(kStoreFile)));
    ASSERT_TRUE(initialise(*store_, *state, {}, {}, system_now()));
    auto contents = *store_->load();
    auto policy = open_policy(*store_, contents, "", system_now());
    ASSERT_TRUE(policy);
    directory_ = Directory::open(*store_, std::move(contents), std::move(*policy));
    desk_ = std::make_unique<AuditDesk>(*directory_, *store_, nullptr, system_now);
  }
  void TearDown() override {
    desk_.reset();
    std::filesystem::remove_all(path_);
  }
  Status watch(const std::shared_ptr<rpc::UpdateStream>& stream) {
    rpc::Caller administrator;
    administrator.person.proof = rpc::Proof::kAdministratorToken;
    return desk_->watch_events(administrator, {}, stream)
               ? Status()
               : Error(ErrorCode::kExhausted, "not let in");
  }
  std::string path_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<AuditDesk> desk_;
};

TEST_F(AuditDeskTest, a_reader_that_takes_nothing_for_a_minute_is_dropped) {
  const auto stuck = std::make_shared<StuckStream>(kMaxEventStall + std::chrono::seconds(1));
  const auto slow = std::make_shared<StuckStream>(kMaxEventStall - std::chrono::seconds(1));
  ASSERT_TRUE(watch(slow));
  ASSERT_TRUE(watch(stuck));
  desk_->start();
  const auto end = stuck->wait_for_end();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(slow->is_ended());
  desk_->stop();
  EXPECT_TRUE(slow->is_ended()) << "with the server";
}

TEST_F(AuditDeskTest, watches_are_bounded_and_one_that_closes_makes_room) {
  std::vector<std::shared_ptr<StuckStream>> streams;
  for (std::size_t i = 0; i <= kMaxEventStreams; ++i) {
    streams.push_back(std::make_shared<StuckStream>(Duration{}));
    EXPECT_EQ(static_cast<bool>(watch(streams.back())), i < kMaxEventStreams);
  }
  desk_->closed(streams.front().get());
  EXPECT_TRUE(watch(streams.back()));
}

TEST_F(AuditDeskTest, who_comes_after_the_end_is_not_let_in) {
  desk_->start();
  desk_->stop();
  EXPECT_FALSE(watch(std::make_shared<StuckStream>(Duration{})));
}

}  // namespace
}  // namespace kernmesh::server
