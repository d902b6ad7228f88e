// SPDX-License-Identifier: Apache-2.0
// A server whose people go to the page of a provider that takes connections and says nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "controller/base/unique_fd.h"
#include "controller/rpc/sign_in_client.h"
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

// The kernel takes the connections; nobody reads what comes on them.
class SilentProvider {
 public:
  SilentProvider() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_.get(), 128), 0);
    EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    port_ = ntohs(address.sin_port);
  }
  std::string issuer() const { return "http://127.0.0.1:" + std::to_string(port_); }
  bool wait_for_question() const {
    pollfd wanted{listener_.get(), POLLIN, 0};
    return poll(&wanted, 1, 20'000) > 0;
  }

 private:
  UniqueFd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port_ = 0;
};

class SilentProviderTest : public ServerTest {
 protected:
  using Clock = std::chrono::steady_clock;
  static constexpr int kVisitors = 24;

  SilentProviderTest() {
    options_.sign_in.issuer = provider_.issuer();
    options_.sign_in.client_id = "kernmesh";
    options_.sign_in.transport = signin::Transport::kHttpsOrLoopback;
  }
  ~SilentProviderTest() override { end_visits(); }

  // Machines that ask for a sign-in, until the provider is asked for the first of them.
  void begin_visits() {
    for (int i = 0; i < kVisitors; ++i) {
      visitors_.push_back(
          std::make_unique<rpc::SignInClient>(address_, ca_pem_, server_->fingerprint()));
      threads_.emplace_back([this, visitor = visitors_.back().get()] {
        const auto invited = visitor->start(TestNode().registration());
        const std::lock_guard lock(mutex_);
        told_.push_back(invited ? "an invitation" : invited.error().message());
      });
    }
    ASSERT_TRUE(provider_.wait_for_question());
  }
  void end_visits() {
    for (const auto& visitor : visitors_) visitor->cancel();
    wait_for_visits();
  }
  void wait_for_visits() {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    visitors_.clear();
  }

  SilentProvider provider_;
  std::vector<std::unique_ptr<rpc::SignInClient>> visitors_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::vector<std::string> told_;  // guarded by mutex_
};

TEST_F(SilentProviderTest, everybody_else_is_served_while_many_wait_for_it) {
  const TestNode node;
  begin_visits();
  if (HasFatalFailure()) return;
  Clock::duration slowest{};
  // For so long, since not all of them have come yet.
  for (const auto until = Clock::now() + std::chrono::seconds(2); Clock::now() < until;) {
    const auto began = Clock::now();
    ASSERT_TRUE(admin_->list_users());
    const auto unknown = client()->register_node(node.registration());
    ASSERT_EQ(unknown.error().code(), ErrorCode::kNotFound) << unknown.error().message();
    slowest = std::max(slowest, Clock::now() - began);
    // Not more connections in all than one of them may make calls: each can have the place of the
    // one before (rpc/connection_calls.h).
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_LT(slowest, std::chrono::seconds(4));  // the provider is given ten
  wait_for_visits();
  for (const auto& told : told_) {
    EXPECT_NE(told.find("the identity provider cannot be reached now"), std::string::npos) << told;
  }
}

TEST_F(SilentProviderTest, server_ends_while_many_wait_for_it) {
  begin_visits();
  if (HasFatalFailure()) return;
  const auto began = Clock::now();
  server_.reset();
  // What calls under way get, and what libcurl takes to hear of it.
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(6));
}

}  // namespace
}  // namespace kernmesh::server
