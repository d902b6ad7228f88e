// SPDX-License-Identifier: Apache-2.0
// What refused callers have written to the server's own log.
#include "controller/server/denial_log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "controller/rpc/connection_calls.h"
#include "controller/rpc/relay_registrar.h"
#include "tests/unit/server/people.h"

namespace kernmesh::server {
namespace {

// Keeps the lines that hold a text.
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LineSink(std::string text) : text_(std::move(text)) {}
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    if (line.find(text_) != std::string::npos) lines_.push_back(std::move(line));
  }
  void flush_() override {}

  const std::string text_;
  std::vector<std::string> lines_;  // guarded by mutex_, the base's
};

class DenialLogTest : public PeopleTest {
 protected:
  // No server runs when the logger's sinks change.
  DenialLogTest() { spdlog::default_logger()->sinks().push_back(sink_); }
  ~DenialLogTest() override { spdlog::default_logger()->sinks().pop_back(); }

  // Two calls each. Two connections can share a place (rpc/connection_calls.h), so one uses less
  // than half of it; and a connection that has ended leaves its place to the next.
  static constexpr int kOnOneConnection = static_cast<int>(rpc::kConnectionCallsAtOnce) / 5;

  // Machines that nobody knows, on so many connections that no connection's bound is met.
  void knock(int machines) {
    std::vector<std::unique_ptr<rpc::CoordinationClient>> callers;
    for (int i = 0; i < machines; ++i) {
      if (i % kOnOneConnection == 0) callers.push_back(client());
      const auto refused = callers.back()->register_node(TestNode().registration());
      ASSERT_EQ(refused.error().code(), ErrorCode::kNotFound) << refused.error().message();
    }
  }

  std::shared_ptr<LineSink> sink_ = std::make_shared<LineSink>("registration of ");
};

TEST_F(DenialLogTest, strangers_do_not_fill_the_servers_log) {
  knock(static_cast<int>(kDenialBurst) + 40);
  EXPECT_EQ(sink_->lines().size(), kDenialBurst);
  clock_offset_s_ = 61;
  knock(2);
  ASSERT_EQ(sink_->lines().size(), kDenialBurst + 1);
  EXPECT_NE(sink_->lines().back().find("(40 more were refused before it)"), std::string::npos)
      << sink_->lines().back();
}

TEST_F(DenialLogTest, nor_do_strangers_who_call_themselves_relays) {
  std::vector<std::unique_ptr<rpc::RelayRegistrar>> callers;
  for (int i = 0; i < static_cast<int>(kDenialBurst) + 40; ++i) {
    if (i % kOnOneConnection == 0) {
      callers.push_back(
          std::make_unique<rpc::RelayRegistrar>(address_, ca_pem_, server_->fingerprint()));
    }
    const TestNode machine;
    std::array<std::uint8_t, 32> key{};
    key.fill(static_cast<std::uint8_t>(i + 1));
    const auto refused =
        callers.back()->register_relay({machine.machine, RelayPublicKey(key), "", "fra1", "fra"});
    ASSERT_EQ(refused.error().code(), ErrorCode::kNotFound) << refused.error().message();
  }
  EXPECT_EQ(sink_->lines().size(), kDenialBurst);
}

// Agents of nodes that were removed knock for ever; what somebody tries is seen all the same.
TEST_F(DenialLogTest, machines_that_are_unknown_hide_no_event) {
  const TestNode victim;
  join(victim);
  knock(static_cast<int>(kDenialBurst) + 1);
  TestNode thief;
  thief.node = victim.node;
  EXPECT_FALSE(client()->register_node(thief.registration(make_key().secret())));
  EXPECT_EQ(audit("register.denied").size(), 1u);
}

}  // namespace
}  // namespace kernmesh::server
