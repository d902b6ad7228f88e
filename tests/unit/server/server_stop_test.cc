// SPDX-License-Identifier: Apache-2.0
// A server that ends, or starts again with a newer certificate, while nodes go on calling it.
#include "tests/unit/server/fixture.h"

namespace kernmesh::server {
namespace {

class ServerStopTest : public ServerTest {};

// Each join is a change of the network, which the housekeeper is told of by whoever commits it.
TEST_F(ServerStopTest, changes_go_on_until_the_last_call_and_are_kept) {
  constexpr int kCallers = 8;
  const std::string key = make_key(Use::kOften).secret();
  std::atomic<int> joined = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kCallers; ++i) {
    threads.emplace_back([&, own = client()] {
      while (own->register_node(TestNode().registration(key))) ++joined;
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (joined < kCallers && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_GE(joined, kCallers);
  server_.reset();
  for (auto& thread : threads) thread.join();
  start();
  const auto keys = admin_->list_join_keys();
  ASSERT_TRUE(keys) << keys.error().message();
  EXPECT_GE(keys->keys(0).use_count(), static_cast<std::uint32_t>(joined));
}

}  // namespace
}  // namespace kernmesh::server
