// SPDX-License-Identifier: Apache-2.0
// The real program, killed and started again.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

std::string program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "mesh-server";
}

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(program())) << program() << " has not been built";
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

  void launch() {
    pid_ = fork();
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      const std::string state = directory_ + "/state";
      execl(program().c_str(), "mesh-server", "--listen", address_.c_str(), "--http-listen", "",
            "--state-dir", state.c_str(), "--log-level", "warn", nullptr);
      _exit(127);
    }
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
      auto token = read_file(directory_ + "/state/admin.token");
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

TEST_F(ProcessTest, what_was_acknowledged_survives_kill_9_at_any_moment) {
  std::set<std::string> acknowledged;
  for (int round = 0; round < 5; ++round) {
    launch();
    const auto client = admin();
    ASSERT_NE(client, nullptr);
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20 + 17 * round));
      kill(pid_, SIGKILL);
    });
    for (int i = 0;; ++i) {
      const std::string name = "u" + std::to_string(round) + "-" + std::to_string(i);
      if (!client->create_user(name)) break;
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

TEST_F(ProcessTest, sigterm_ends_it_with_status_0) {
  launch();
  ASSERT_NE(admin(), nullptr);
  const int status = stop(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace kernmesh::server
