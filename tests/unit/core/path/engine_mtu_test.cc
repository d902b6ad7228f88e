// SPDX-License-Identifier: Apache-2.0
// Sizes of messages on the ways that are in use: told to the shell when they are not whole.
#include <gtest/gtest.h>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

constexpr std::uint32_t kJumboMessage = 32 + 8912;

class MessageSizes : public ::testing::Test {
 protected:
  void begin(std::uint32_t largest) {
    for (std::uint32_t id : {1U, 2U}) {
      net_.add(id, {place(1, static_cast<int>(id))});
      net_.host(id).engine->set_largest_message(net_.now(), largest);
    }
    net_.know_each_other();
  }
  // Both send all the time, and what they send arrives.
  void run(Duration span) {
    for (const MonoTime end = net_.now() + span; net_.now() < end;) {
      for (const auto& [from, to] : kBothWays) {
        net_.host(from).engine->on_traffic(net_.now(), NodeId(to), {net_.now(), net_.now(), {}});
        net_.drain(net_.host(from));
      }
      net_.run(milliseconds(500));
    }
  }
  std::optional<std::uint32_t> told() {
    const auto& limits = net_.host(1).limits;
    const auto found = limits.find(NodeId(2));
    return found == limits.end() ? std::nullopt : std::optional(found->second);
  }
  PathStatus status() { return *net_.host(1).engine->status(net_.now(), NodeId(2)); }

  SimulatedNetwork net_{3};
};

TEST_F(MessageSizes, nothing_is_told_of_a_way_that_carries_all) {
  begin(kEthernetMessage);
  std::size_t largest_seen = 0;
  net_.tap = [&](const Bytes& bytes, const Endpoint&, Host&) {
    largest_seen = std::max(largest_seen, bytes.size());
  };
  run(seconds(60));
  EXPECT_EQ(told(), std::nullopt);
  EXPECT_EQ(status().message_limit, kEthernetMessage);
  EXPECT_EQ(largest_seen, kEthernetMessage) << "and it was tested";
}

TEST_F(MessageSizes, a_narrow_way_is_told_within_two_seconds_and_never_doubted_for_it) {
  begin(kJumboMessage);
  net_.direct_carries = kEthernetMessage;
  for (int i = 0; i < 20; ++i) {
    run(milliseconds(500));
    EXPECT_TRUE(net_.carries(1, 2));
    EXPECT_TRUE(status().trusted) << i;
    if (i < 4) continue;
    EXPECT_LE(status().message_limit, kEthernetMessage) << i;
  }
  EXPECT_EQ(told(), kEthernetMessage);
  EXPECT_EQ(net_.host(1).path_changes, 1);
}

TEST_F(MessageSizes, each_way_has_its_own) {
  begin(kJumboMessage);
  net_.relay_carries = kEthernetMessage + relay::kDataHeaderBytes;
  net_.cut(1, 1, 2);
  net_.pair_at({1}, 1, 2);
  run(seconds(10));
  EXPECT_EQ(status().kind, PathKind::kRelayed);
  EXPECT_EQ(told(), kEthernetMessage);
  net_.heal();
  run(seconds(60));
  EXPECT_EQ(status().kind, PathKind::kDirect);
  EXPECT_EQ(told(), kJumboMessage);
}

TEST_F(MessageSizes, a_session_that_is_idle_is_not_tested) {
  begin(kEthernetMessage);
  run(seconds(10));
  net_.run(kSessionActive + seconds(1));
  std::size_t largest_seen = 0;
  net_.tap = [&](const Bytes& bytes, const Endpoint&, Host&) {
    largest_seen = std::max(largest_seen, bytes.size());
  };
  net_.run(seconds(300));
  EXPECT_LE(largest_seen, kPingBytes);
}

TEST_F(MessageSizes, another_interface_size_is_told_at_once) {
  begin(kEthernetMessage);
  run(seconds(5));
  net_.host(1).engine->set_largest_message(net_.now(), kJumboMessage);
  net_.drain(net_.host(1));
  EXPECT_EQ(told(), kJumboMessage);
}

}  // namespace
}  // namespace kernmesh::path
