// SPDX-License-Identifier: Apache-2.0
// Machines whose people go to the provider's own page, in the line in front of a provider that
// takes its time.
#include "controller/server/signin/start_queue.h"

#include <set>

#include "controller/core/signin/fetch_pace.h"
#include "tests/unit/server/signin/sign_in_fixture.h"

namespace kernmesh::server {
namespace {

// Begins "device-1", "device-2" and so on, and has nobody sign in.
class SlowProvider {
 public:
  Result<oidc::HttpAnswer> begin() {
    std::unique_lock lock(mutex_);
    const std::string name = "device-" + std::to_string(++asked_);
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_held_; });
    if (is_away_) return Error(ErrorCode::kUnavailable, "no whole answer");
    return oidc::HttpAnswer{200, signin::Json{{"device_code", name},
                                              {"user_code", name},
                                              {"verification_uri", "https://login.example/enter"},
                                              {"interval", 1}}
                                     .dump()};
  }
  Result<oidc::HttpAnswer> poll(const std::string& form) {
    const std::lock_guard lock(mutex_);
    polled_.insert(form.substr(form.find("device-"), std::string("device-1").size()));
    changed_.notify_all();
    return oidc::HttpAnswer{400, R"({"error":"authorization_pending"})"};
  }

  void withhold() { set(true, false); }
  void answer() { set(false, false); }
  void fail() { set(false, true); }
  bool wait_for_questions(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kMost, [&] { return asked_ >= count; });
  }
  // Which devices were asked for by the time that this one was.
  std::set<std::string> polled_with(const std::string& device) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kMost, [&] { return polled_.contains(device); });
    return polled_;
  }
  int asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  static constexpr std::chrono::seconds kMost{20};
  void set(bool is_held, bool is_away) {
    const std::lock_guard lock(mutex_);
    is_held_ = is_held;
    is_away_ = is_away;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held_ = false;  // guarded by mutex_, as the next
  bool is_away_ = false;
  int asked_ = 0;
  std::set<std::string> polled_;
};

class StartQueueTest : public SignInTest {
 protected:
  StartQueueTest() : SignInTest("") {
    http_.answer(kIssuer + "/device", [far = far_](const auto&) { return far->begin(); });
    http_.answer(kIssuer + "/token",
                 [far = far_](const auto& request) { return far->poll(*request.form); });
  }
  ~StartQueueTest() override { far_->answer(); }

  static signin::Newcomer from(const std::string& source, std::uint8_t number) {
    auto made = newcomer(number);
    made.source = source;
    return made;
  }
  // In front of the line: asked for, and without an answer.
  WaitingVisitor hold_up(const signin::Newcomer& who) {
    far_->withhold();
    WaitingVisitor first;
    const int before = far_->asked();
    desk_.open(who, first.visitor());
    EXPECT_TRUE(far_->wait_for_questions(before + 1));
    return first;
  }
  WaitingVisitor queue_up(const signin::Newcomer& who) {
    WaitingVisitor next;
    desk_.open(who, next.visitor());
    return next;
  }
  static ErrorCode refusal(WaitingVisitor& visitor) {
    const auto answer = visitor.wait();
    return answer && !*answer ? answer->error().code() : ErrorCode::kSystem;
  }

  // Shared with the desk's threads, which ask it until the desk has gone.
  std::shared_ptr<SlowProvider> far_ = std::make_shared<SlowProvider>();
};

TEST_F(StartQueueTest, nobody_who_calls_is_kept_while_the_provider_says_nothing) {
  auto one = hold_up(newcomer(1));
  auto two = queue_up(newcomer(2));
  EXPECT_EQ(desk_.outcome("anybody's").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(one.answers(), 0);
  far_->answer();
  EXPECT_EQ(one.wait()->value().user_code, "device-1");
  EXPECT_EQ(two.wait()->value().user_code, "device-2");
  EXPECT_EQ(desk_.outcome(two.wait()->value().handle)->stage, signin::Stage::kPending);
}

TEST_F(StartQueueTest, who_hangs_up_while_the_provider_is_asked_leaves_nothing) {
  auto one = hold_up(newcomer(1));
  auto two = queue_up(newcomer(2));
  one.hang_up();
  far_->answer();
  ASSERT_TRUE(*two.wait());
  EXPECT_EQ(desk_.outcome(one.wait()->value().handle).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(far_->polled_with("device-2"), std::set<std::string>{"device-2"});
  EXPECT_EQ(desk_.counts().started, 1U);
}

TEST_F(StartQueueTest, who_hangs_up_in_the_line_is_not_asked_for) {
  auto one = hold_up(newcomer(1));
  auto two = queue_up(newcomer(2));
  auto three = queue_up(newcomer(3));
  two.hang_up();
  far_->answer();
  ASSERT_TRUE(*three.wait());
  EXPECT_EQ(far_->asked(), 2);
  EXPECT_EQ(two.answers(), 0);
}

TEST_F(StartQueueTest, the_line_is_bounded_and_who_hangs_up_makes_room) {
  auto first = hold_up(newcomer(0));
  std::vector<WaitingVisitor> line;
  const auto source = [](std::size_t number) { return "192.0.2." + std::to_string(number); };
  for (std::size_t i = 1; i <= kMostStarts; ++i) {
    line.push_back(queue_up(from(source(i), static_cast<std::uint8_t>(i))));
    EXPECT_EQ(line.back().answers(), 0);
  }
  auto late = queue_up(from(source(100), 100));
  EXPECT_EQ(late.answers(), 1) << "at once";
  EXPECT_EQ(refusal(late), ErrorCode::kExhausted);
  EXPECT_EQ(desk_.counts().denied.at("busy"), 1U);
  line[7].hang_up();
  EXPECT_EQ(queue_up(from(source(101), 101)).answers(), 0);
}

TEST_F(StartQueueTest, a_machine_has_one_place_in_the_line) {
  auto first = hold_up(newcomer(1));
  auto old = queue_up(newcomer(2));
  auto young = queue_up(newcomer(2));
  EXPECT_EQ(refusal(old), ErrorCode::kConflict);
  far_->answer();
  EXPECT_TRUE(*young.wait());
  EXPECT_EQ(far_->asked(), 2);
}

TEST_F(StartQueueTest,
       of_two_sign_ins_of_a_machine_the_one_that_is_asked_for_is_the_one_that_counts) {
  auto old = hold_up(newcomer(1));
  auto young = queue_up(newcomer(1));
  far_->answer();
  const auto handle = young.wait()->value().handle;
  EXPECT_EQ(desk_.outcome(old.wait()->value().handle).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(desk_.outcome(handle)->stage, signin::Stage::kPending);
  EXPECT_EQ(far_->polled_with("device-2"), std::set<std::string>{"device-2"});
}

TEST_F(StartQueueTest, a_provider_that_does_not_answer_is_asked_once_in_a_while) {
  auto one = hold_up(newcomer(1));
  auto two = queue_up(newcomer(2));
  auto three = queue_up(newcomer(3));
  far_->fail();
  for (auto* const visitor : {&one, &two, &three}) {
    EXPECT_EQ(refusal(*visitor), ErrorCode::kUnavailable);
  }
  auto four = queue_up(newcomer(4));
  EXPECT_EQ(four.answers(), 1) << "at once";
  EXPECT_NE(four.wait()->error().message().find("cannot be reached now"), std::string::npos);
  EXPECT_EQ(far_->asked(), 1);
  far_->answer();
  advance(signin::kAskInterval);
  EXPECT_TRUE(open(newcomer(5)));
}

TEST_F(StartQueueTest, one_machine_does_not_have_the_provider_flooded) {
  int begun = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) begun += open(newcomer(1)) ? 1 : 0;
  EXPECT_GE(begun, 32);
  EXPECT_LE(begun, 33 + (std::chrono::steady_clock::now() - start) / std::chrono::seconds(5))
      << "one more every five seconds";
  EXPECT_EQ(far_->asked(), begun);
  EXPECT_EQ(open(newcomer(1)).error().code(), ErrorCode::kExhausted);
  EXPECT_TRUE(open(from("192.0.2.8", 2)));
}

TEST_F(StartQueueTest, at_the_end_all_who_wait_have_an_answer) {
  auto desk = std::make_unique<SignInDesk>(SignInDeskOptions{}, provider_, clocks(),
                                           [](const auto&, const auto&) { return Status(); });
  far_->withhold();
  WaitingVisitor one, two;
  desk->open(newcomer(1), one.visitor());
  desk->open(newcomer(2), two.visitor());
  ASSERT_TRUE(far_->wait_for_questions(1));
  std::thread end([&] { desk.reset(); });
  far_->fail();
  end.join();
  EXPECT_EQ(refusal(one), ErrorCode::kUnavailable);
  EXPECT_EQ(refusal(two), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace kernmesh::server
