// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/connection_calls.h"

#include <gtest/gtest.h>

namespace kernmesh::rpc {
namespace {

constexpr MonoTime kCallsBegin{std::chrono::hours(1)};
constexpr int kAtOnce = static_cast<int>(kConnectionCallsAtOnce);

int admitted(ConnectionCalls& calls, std::uintptr_t connection, MonoTime now) {
  int count = 0;
  for (int i = 0; i < 3 * kAtOnce; ++i) count += calls.note(connection, now) ? 1 : 0;
  return count;
}

TEST(ConnectionCalls, c7_a_connection_has_so_many_at_once_and_so_many_a_second) {
  ConnectionCalls calls;
  EXPECT_EQ(admitted(calls, 0x7f00'1230, kCallsBegin), kAtOnce);
  EXPECT_EQ(calls.note(0x7f00'1230, kCallsBegin).error().code(), ErrorCode::kExhausted);
  EXPECT_EQ(admitted(calls, 0x7f00'1230, kCallsBegin + std::chrono::seconds(5)),
            static_cast<int>(5 * kConnectionCallsPerSecond));
}

TEST(ConnectionCalls, c7_one_that_floods_takes_nothing_from_its_neighbours) {
  ConnectionCalls calls;
  admitted(calls, 0x7f00'0000, kCallsBegin);
  int refused = 0;
  for (std::uintptr_t other = 1; other <= 1000; ++other) {
    refused += calls.note(0x7f00'0000 + other * 48, kCallsBegin) ? 0 : 1;
  }
  // As many as one place is of all, and the luck of the draw.
  EXPECT_LE(refused, 3);
}

TEST(ConnectionCalls, c7_ten_thousand_agents_come_at_once) {
  ConnectionCalls calls;
  for (std::uintptr_t connection = 1; connection <= 10'000; ++connection) {
    for (int call = 0; call < 4; ++call) {
      EXPECT_TRUE(calls.note(0x7f00'0000 + connection * 208, kCallsBegin)) << connection;
    }
  }
}

}  // namespace
}  // namespace kernmesh::rpc
