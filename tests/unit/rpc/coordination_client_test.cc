// SPDX-License-Identifier: Apache-2.0
// Calls to a server that takes the connection and then says nothing, or that is away at first.
#include "controller/rpc/coordination_client.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>

#include <future>

#include "controller/base/unique_fd.h"
#include "controller/rpc/certificate.h"

namespace kernmesh::rpc {
namespace {

// Half of a call's own deadline, so that only cancel() can end one sooner.
constexpr auto kSoon = std::chrono::seconds(5);

class SilentServer : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(sodium_init(), 0);
    listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(bind(listener_.get(), any, sizeof address), 0);
    ASSERT_EQ(listen(listener_.get(), 8), 0);
    socklen_t size = sizeof address;
    ASSERT_EQ(getsockname(listener_.get(), any, &size), 0);
    const auto authority = make_authority(system_now());
    ASSERT_TRUE(authority) << authority.error().message();
    client_.emplace("127.0.0.1:" + std::to_string(ntohs(address.sin_port)),
                    authority->certificate_pem, topology::CaFingerprint{});
  }
  static WallTime system_now() {
    return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
  }
  std::future<Result<Session>> begin_registration() {
    return std::async(std::launch::async, [this] {
      Ed25519SecretKey machine;
      std::array<std::uint8_t, 32> public_key{};
      crypto_sign_keypair(public_key.data(), machine.mutable_bytes().data());
      return client_->register_node({machine, {}, {}, "", "host"});
    });
  }
  bool is_called() { return is_called_within(std::chrono::seconds(10)); }
  bool is_called_within(std::chrono::milliseconds time) {
    pollfd waiting{listener_.get(), POLLIN, 0};
    return poll(&waiting, 1, static_cast<int>(time.count())) == 1;
  }

  // On everybody, also on who was late from the attempt before.
  void hang_up_until_ready(const std::future<Result<Session>>& call) {
    const auto deadline = std::chrono::steady_clock::now() + kSoon;
    while (call.wait_for(std::chrono::seconds(0)) != std::future_status::ready &&
           std::chrono::steady_clock::now() < deadline) {
      if (!is_called_within(std::chrono::milliseconds(10))) continue;
      UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
    }
  }

  UniqueFd listener_;
  std::optional<CoordinationClient> client_;
};

TEST_F(SilentServer, running_call_ends_when_it_is_cancelled) {
  auto call = begin_registration();
  ASSERT_TRUE(is_called());
  client_->cancel();
  ASSERT_EQ(call.wait_for(kSoon), std::future_status::ready);
  const auto session = call.get();
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::kUnavailable) << session.error().message();
}

TEST_F(SilentServer, call_after_the_cancellation_fails_at_once) {
  client_->cancel();
  auto call = begin_registration();
  ASSERT_EQ(call.wait_for(kSoon), std::future_status::ready);
  EXPECT_FALSE(call.get());
}

// Each attempt is one: gRPC makes no pause of its own between them, and its clock is not asked.
TEST_F(SilentServer, tries_at_once_after_an_attempt_that_failed) {
  // Whoever connects is hung up on before TLS.
  for (int i = 0; i < 5; ++i) {
    auto call = begin_registration();
    ASSERT_TRUE(is_called_within(kSoon)) << "attempt " << i;
    EXPECT_EQ(call.wait_for(std::chrono::seconds(0)), std::future_status::timeout)
        << "it failed without an attempt";
    hang_up_until_ready(call);
    ASSERT_EQ(call.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_EQ(call.get().error().code(), ErrorCode::kUnavailable);
  }
}

}  // namespace
}  // namespace kernmesh::rpc
