// SPDX-License-Identifier: Apache-2.0
// A whole server in the test's process on loopback, and nodes that talk to it as agents do.
#pragma once

#include <gtest/gtest.h>
#include <sodium.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "controller/rpc/admin_client.h"
#include "controller/rpc/coordination_client.h"
#include "controller/rpc/pinned_ca.h"
#include "controller/server/server.h"
#include "controller/server/state_dir.h"

namespace kernmesh::server {

inline constexpr auto kDeadline = std::chrono::seconds(20);

struct TestNode {
  TestNode() {
    std::array<std::uint8_t, 32> public_key{};
    crypto_sign_keypair(public_key.data(), machine.mutable_bytes().data());
    randombytes_buf(node.mutable_bytes().data(), 32);
    randombytes_buf(disco.mutable_bytes().data(), 32);
  }
  rpc::Registration registration(const std::string& key = "") const {
    return {machine, node_public_key(node), disco_public_key(disco), key, hostname};
  }
  Ed25519SecretKey machine;
  X25519SecretKey node;
  X25519SecretKey disco;
  std::string hostname = "host";
};

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(sodium_init(), 0);
    char name[] = "/tmp/kernmesh-server-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    options_.listen = "127.0.0.1:0";
    options_.http_listen = "";
    options_.state_dir = directory_;
    start();
    ASSERT_NE(server_, nullptr);
    ASSERT_TRUE(admin_->create_user("ann"));
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    auto server = start_server(
        options_, [this] { return system_now() + std::chrono::seconds(clock_offset_s_.load()); },
        [this] { return host::mono_now() + std::chrono::seconds(mono_offset_s_.load()); });
    ASSERT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
    address_ = "127.0.0.1:" + std::to_string(server_->port());
    token_ = *read_file(directory_ + "/admin.token");
    token_.pop_back();
    auto admin = rpc::AdminClient::connect(address_, token_);
    ASSERT_TRUE(admin) << admin.error().message();
    admin_ = std::make_unique<rpc::AdminClient>(std::move(*admin));
    const auto pem = rpc::fetch_ca_pem(address_, server_->fingerprint(), std::chrono::seconds(5));
    ASSERT_TRUE(pem) << pem.error().message();
    ca_pem_ = *pem;
  }

  std::unique_ptr<rpc::CoordinationClient> client() {
    return std::make_unique<rpc::CoordinationClient>(address_, ca_pem_, server_->fingerprint());
  }

  enum class Use { kOnce, kOften };
  mesh::v1::CreateJoinKeyResponse make_key(Use use = Use::kOnce, bool ephemeral = false) {
    mesh::v1::CreateJoinKeyRequest request;
    request.set_user_name("ann");
    request.set_reusable(use == Use::kOften);
    request.set_ephemeral(ephemeral);
    auto key = admin_->create_join_key(request);
    EXPECT_TRUE(key) << key.error().message();
    return key ? *key : mesh::v1::CreateJoinKeyResponse{};
  }

  rpc::Session join(const TestNode& node) {
    auto session = client()->register_node(node.registration(make_key().secret()));
    EXPECT_TRUE(session) << session.error().message();
    return session ? *session : rpc::Session{};
  }

  ServerOptions options_;
  std::string directory_;
  std::string address_;
  std::string token_;
  std::string ca_pem_;
  // Time that passes is in both; a clock that is set, in the first alone.
  std::atomic<std::int64_t> clock_offset_s_ = 0;
  std::atomic<std::int64_t> mono_offset_s_ = 0;
  std::unique_ptr<Server> server_;
  std::unique_ptr<rpc::AdminClient> admin_;
};

// A Watch stream in a thread, and waiting for what comes.
class Watcher {
 public:
  Watcher(std::unique_ptr<rpc::CoordinationClient> client, rpc::Session session,
          std::optional<rpc::Held> held = {})
      : client_(std::move(client)), thread_([this, session, held] {
          const Error end = client_->watch(session, held, [this](Result<rpc::Update> update) {
            EXPECT_TRUE(update) << update.error().message();
            const std::lock_guard lock(mutex_);
            if (update) updates_.push_back(std::move(*update));
            condition_.notify_all();
            return Status{};
          });
          const std::lock_guard lock(mutex_);
          end_ = end;
          condition_.notify_all();
        }) {}
  ~Watcher() {
    client_->cancel();
    thread_.join();
  }

  // The updates so far once `done(updates)` holds; fails the test after the deadline.
  template <typename Done>
  std::vector<rpc::Update> wait(const Done& done) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(condition_.wait_for(lock, kDeadline, [&] { return done(updates_); }))
        << "after " << updates_.size() << " updates";
    return updates_;
  }
  rpc::Update first() {
    const auto updates = wait([](const auto& all) { return !all.empty(); });
    return updates.empty() ? rpc::Update{} : updates.front();
  }
  Error wait_for_end() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(condition_.wait_for(lock, kDeadline, [&] { return end_.has_value(); }));
    return end_.value_or(Error(ErrorCode::kSystem, "still running"));
  }

 private:
  std::unique_ptr<rpc::CoordinationClient> client_;
  std::mutex mutex_;
  std::condition_variable condition_;
  std::vector<rpc::Update> updates_;
  std::optional<Error> end_;
  std::thread thread_;
};

}  // namespace kernmesh::server
