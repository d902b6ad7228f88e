// SPDX-License-Identifier: Apache-2.0
// A session that is given up while the server is letting its node in.
#include "controller/agent/control_session.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <future>

#include "controller/rpc/certificate.h"
#include "mesh/v1/coordination.grpc.pb.h"

namespace kernmesh::agent {
namespace {

namespace v1 = mesh::v1;
constexpr auto kSoon = std::chrono::seconds(20);

// Lets everybody in, when the test wants it.
class SlowServer final : public v1::Coordination::Service {
 public:
  grpc::Status Challenge(grpc::ServerContext*, const v1::ChallengeRequest*,
                         v1::ChallengeResponse* response) override {
    response->set_nonce(std::string(56, 'n'));
    return grpc::Status::OK;
  }
  grpc::Status Register(grpc::ServerContext*, const v1::RegisterRequest*,
                        v1::RegisterResponse* response) override {
    std::unique_lock lock(mutex_);
    ++registered_;
    changed_.notify_all();
    changed_.wait_for(lock, kSoon, [this] { return answers_; });
    response->set_session_token("let in");
    response->set_token_expires_at(4'000'000'000);
    response->set_node_id(7);
    return grpc::Status::OK;
  }
  grpc::Status Leave(grpc::ServerContext* context, const v1::LeaveRequest*,
                     v1::LeaveResponse*) override {
    const auto [first, last] = context->client_metadata().equal_range("authorization");
    const std::lock_guard lock(mutex_);
    for (auto it = first; it != last; ++it)
      left_.emplace_back(it->second.data(), it->second.size());
    return grpc::Status::OK;
  }

  bool is_asked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kSoon, [this] { return registered_ > 0; });
  }
  void answer() {
    const std::lock_guard lock(mutex_);
    answers_ = true;
    changed_.notify_all();
  }
  int registered() {
    const std::lock_guard lock(mutex_);
    return registered_;
  }
  std::vector<std::string> left() {
    const std::lock_guard lock(mutex_);
    return left_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool answers_ = false;
  int registered_ = 0;
  std::vector<std::string> left_;
};

class ControlSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(sodium_init(), 0);
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto authority = rpc::make_authority(now);
    ASSERT_TRUE(authority) << authority.error().message();
    const auto own = rpc::issue_server_certificate(*authority, {}, now);
    ASSERT_TRUE(own) << own.error().message();
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back(
        {own->key_pem, own->certificate_pem + authority->certificate_pem});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    config_.server = "127.0.0.1:" + std::to_string(port);
    config_.ca_pem = authority->certificate_pem;
    config_.hostname = "host";
    std::array<std::uint8_t, 32> public_key{};
    crypto_sign_keypair(public_key.data(), config_.identity.machine.mutable_bytes().data());
    session_ = std::make_unique<ControlSession>(config_, "", events());
    ASSERT_TRUE(service_.is_asked());
  }
  void TearDown() override {
    service_.answer();
    session_.reset();
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }
  static ControlSession::Events events() {
    ControlSession::Events events;
    events.on_update = [](const Result<rpc::Update>&) { return Status(); };
    events.held = [] { return std::nullopt; };
    events.on_connected = [] {};
    events.on_disconnected = [](const Error&) {};
    events.on_node_key = [](const Result<NodePublicKey>&) {};
    return events;
  }

  SlowServer service_;
  std::unique_ptr<grpc::Server> server_;
  ControlConfig config_;
  std::unique_ptr<ControlSession> session_;
};

TEST_F(ControlSessionTest, a_node_whose_registration_is_under_way_leaves_when_it_is_in) {
  auto left = std::async(std::launch::async, [this] { return session_->leave(); });
  service_.answer();
  ASSERT_EQ(left.wait_for(kSoon), std::future_status::ready);
  const Status status = left.get();
  EXPECT_TRUE(status) << status.error().message();
  EXPECT_EQ(service_.left(), std::vector<std::string>{"Bearer let in"});
  session_.reset();
  EXPECT_EQ(service_.registered(), 1) << "it has come back";
}

TEST_F(ControlSessionTest, a_server_that_does_not_answer_holds_up_nobody_for_long) {
  const auto began = std::chrono::steady_clock::now();
  const Status status = session_->leave();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, kLeavePatience + std::chrono::seconds(3));
}

}  // namespace
}  // namespace kernmesh::agent
