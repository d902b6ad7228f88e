// SPDX-License-Identifier: Apache-2.0
// The real program, killed and started again.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <random>

#include "tests/unit/server/fixture.h"
#include "tests/unit/server/killed_program.h"

namespace kernmesh::server {
namespace {

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(server_program())) << server_program() << " is not built";
    char name[] = "/tmp/kernmesh-process-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    // A port that was free a moment ago: the program has no way to tell which one it took.
    ServerOptions probe;
    probe.listen = "127.0.0.1:0";
    probe.http_listen = "";
    probe.state_dir = directory_ + "/probe";
    auto server = start_server(probe);
    ASSERT_TRUE(server) << server.error().message();
    address_ = "127.0.0.1:" + std::to_string((*server)->port());
  }
  void TearDown() override {
    if (pid_ > 0) stop(SIGKILL);
    std::filesystem::remove_all(directory_);
  }

  // `prepare` runs in the child before the program.
  void launch(const std::function<bool()>& prepare = [] { return true; }) {
    const std::string state = directory_ + "/state";
    const std::string log = directory_ + "/log";
    pid_ = fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      if (!prepare() || freopen(log.c_str(), "w", stderr) == nullptr) _exit(126);
      execl(server_program().c_str(), "mesh-server", "--listen", address_.c_str(), "--http-listen",
            "", "--state-dir", state.c_str(), "--log-level", "warn", nullptr);
      _exit(127);
    }
  }
  // The state directory as the child's own mount, which goes with it.
  bool mount_state(unsigned long flags, const char* options) {
    const std::string state = directory_ + "/state";
    std::filesystem::create_directory(state);
    return unshare(CLONE_NEWNS) == 0 &&
           mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("tmpfs", state.c_str(), "tmpfs", flags, options) == 0;
  }
  // A file of the state as the running program sees it.
  std::string state_file(const std::string& name) const {
    return "/proc/" + std::to_string(pid_) + "/root" + directory_ + "/state/" + name;
  }
  int wait_for_exit() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  int stop(int signal) {
    int status = 0;
    kill(pid_, signal);
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }
  // A client once the server answers.
  std::unique_ptr<rpc::AdminClient> admin() {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < deadline) {
      auto token = read_file(state_file("admin.token"));
      if (token && !token->empty()) {
        token->pop_back();
        auto client = rpc::AdminClient::connect(address_, *token);
        if (client) return std::make_unique<rpc::AdminClient>(std::move(*client));
      }
      std::this_thread::yield();
    }
    ADD_FAILURE() << "the server does not answer on " << address_;
    return nullptr;
  }

  std::string directory_;
  std::string address_;
  pid_t pid_ = -1;
};

TEST_F(ProcessTest, c11_what_was_acknowledged_survives_kill_9_at_any_moment) {
  constexpr unsigned kSeed = 20260101;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  std::uniform_int_distribution<int> draw(1, 60);
  std::set<std::string> acknowledged;
  for (int round = 0; round < 5; ++round) {
    launch();
    const auto client = admin();
    ASSERT_NE(client, nullptr);
    // The kill follows an acknowledgement, and meets whatever part of the next commit the server
    // has come to when the signal reaches it.
    const int last = draw(random);
    std::promise<void> due;
    std::thread killer([&] {
      due.get_future().wait();
      kill(pid_, SIGKILL);
    });
    for (int i = 0;; ++i) {
      if (i == last) due.set_value();
      const std::string name = "u" + std::to_string(round) + "-" + std::to_string(i);
      if (!client->create_user(name)) {
        EXPECT_GE(i, last) << "a commit failed before the kill";
        if (i < last) due.set_value();
        break;
      }
      acknowledged.insert(name);
    }
    killer.join();
    stop(SIGKILL);
  }
  launch();
  const auto client = admin();
  ASSERT_NE(client, nullptr);
  const auto users = client->list_users();
  ASSERT_TRUE(users) << users.error().message();
  for (const auto& user : users->users()) acknowledged.erase(user.name());
  EXPECT_TRUE(acknowledged.empty())
      << acknowledged.size() << " lost, first " << *acknowledged.begin();
}

// Large enough for hundreds of pages of the database, so that a kill can meet a half-written one.
std::string numbered_policy(int round, int number) {
  return "// " + std::to_string(round) + "-" + std::to_string(number) + "\n{\"acls\": []}\n//" +
         std::string(400'000, 'x');
}

TEST_F(ProcessTest, c11_policy_that_kill_9_meets_is_there_whole_or_not_at_all) {
  constexpr unsigned kSeed = 20261121;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  std::uniform_int_distribution<int> draw(0, 8), draw_us(0, 12'000);
  std::vector<std::string> texts;  // by revision, from 1
  int unacknowledged = 0, kept = 0;
  for (int round = 0; round < 12; ++round) {
    launch();
    const auto client = admin();
    ASSERT_NE(client, nullptr);
    if (texts.empty()) texts.push_back(client->get_policy()->text());
    const int last = draw(random);
    const auto wait = std::chrono::microseconds(draw_us(random));
    std::promise<void> due;
    std::thread killer([&] {
      due.get_future().wait();
      const auto until = std::chrono::steady_clock::now() + wait;
      while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
      kill(pid_, SIGKILL);
    });
    std::string attempted;
    for (int i = 0;; ++i) {
      if (i == last) due.set_value();
      attempted = numbered_policy(round, i);
      mesh::v1::SetPolicyRequest request;
      request.set_text(attempted);
      const auto set = client->set_policy(request);
      if (!set) {
        EXPECT_GE(i, last) << "a policy was refused before the kill: " << set.error().message();
        if (i < last) due.set_value();
        break;
      }
      texts.push_back(attempted);
      EXPECT_EQ(set->policy().revision(), texts.size());
    }
    killer.join();
    stop(SIGKILL);
    launch();
    const auto after = admin();
    ASSERT_NE(after, nullptr);
    const auto in_force = after->get_policy();
    ASSERT_TRUE(in_force) << in_force.error().message();
    ++unacknowledged;
    if (in_force->revision() == texts.size() + 1) {
      texts.push_back(attempted);
      ++kept;
    }
    ASSERT_EQ(in_force->revision(), texts.size());
    EXPECT_TRUE(in_force->text() == texts.back()) << "in round " << round;
    EXPECT_EQ(after->list_policies()->policies_size(), static_cast<int>(texts.size()));
    stop(SIGKILL);
  }
  launch();
  const auto client = admin();
  ASSERT_NE(client, nullptr);
  for (std::uint32_t revision = 1; revision <= texts.size(); ++revision) {
    const auto policy = client->get_policy(revision);
    ASSERT_TRUE(policy) << policy.error().message();
    EXPECT_TRUE(policy->text() == texts[revision - 1]) << "revision " << revision;
  }
  std::printf("%zu policies acknowledged or kept; of %d without an answer %d were kept\n",
              texts.size(), unacknowledged, kept);
}

TEST_F(ProcessTest, c11_sigterm_ends_it_with_status_0) {
  launch();
  ASSERT_NE(admin(), nullptr);
  const int status = stop(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(ProcessTest, c11_full_disk_is_told_and_nothing_acknowledged_is_lost) {
  ASSERT_EQ(geteuid(), 0u) << "mounting wants root";
  launch([this] { return mount_state(0, "size=1m"); });
  const auto client = admin();
  ASSERT_NE(client, nullptr);
  ASSERT_TRUE(client->create_user("before"));
  // As somebody's log would fill it.
  std::ofstream ballast(state_file("ballast"), std::ios::binary);
  while (ballast << std::string(4096, 'x') << std::flush) continue;
  ballast.close();
  std::set<std::string> acknowledged{"before"};
  std::optional<Error> refused;
  for (int i = 0; i < 2000 && !refused; ++i) {
    const std::string name = "user-" + std::to_string(i);
    const auto made = client->create_user(name);
    if (made) acknowledged.insert(name);
    if (!made) refused = made.error();
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), ErrorCode::kExhausted) << refused->message();
  EXPECT_NE(refused->message().find("full"), std::string::npos) << refused->message();
  EXPECT_EQ(client->list_users()->users_size(), static_cast<int>(acknowledged.size()));
  std::filesystem::remove(state_file("ballast"));
  EXPECT_TRUE(client->create_user("after"));
  EXPECT_EQ(client->list_users()->users_size(), static_cast<int>(acknowledged.size()) + 1);
}

TEST_F(ProcessTest, c11_disk_that_is_full_from_the_start_ends_it_with_the_reason) {
  ASSERT_EQ(geteuid(), 0u) << "mounting wants root";
  launch([this] { return mount_state(0, "size=4k"); });
  const int status = wait_for_exit();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(read_file(directory_ + "/log")->find("No space left"), std::string::npos)
      << *read_file(directory_ + "/log");
}

TEST_F(ProcessTest, c11_state_directory_that_cannot_be_written_ends_it_with_the_reason) {
  ASSERT_EQ(geteuid(), 0u) << "mounting wants root";
  launch([this] { return mount_state(MS_RDONLY, "size=1m"); });
  const int status = wait_for_exit();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const auto log = *read_file(directory_ + "/log");
  EXPECT_NE(log.find(directory_ + "/state"), std::string::npos) << log;
  EXPECT_NE(log.find("Read-only file system"), std::string::npos) << log;
}

}  // namespace
}  // namespace kernmesh::server
