// SPDX-License-Identifier: Apache-2.0
// A relay that leads channels elsewhere than it says: what comes on them is nobody's but the
// sender's, and such a way is never trusted.
#include <gtest/gtest.h>

#include "tests/unit/core/path/simulated_network.h"

namespace kernmesh::path {
namespace {

class CrossedRelay : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint32_t id : {1U, 2U, 3U}) net_.add(id, {place(1, static_cast<int>(id))});
    net_.know_each_other();
    for (const auto& [a, b] : Pairs{{1, 2}, {1, 3}, {2, 3}}) net_.cut(1, a, b);
  }
  PathStatus status(std::uint32_t of) {
    return *net_.host(1).engine->status(net_.now(), NodeId(of));
  }
  void tell(std::uint32_t host, std::uint32_t peer, const Way& way) {
    net_.host(host).engine->set_relayed(net_.now(), NodeId(peer), {way});
    net_.drain(net_.host(host));
  }
  const Pairs busy_{{1, 2}, {2, 1}, {1, 3}, {3, 1}};
  SimulatedNetwork net_{1};
};

TEST_F(CrossedRelay, honest_it_would_carry) {
  net_.pair_at({1}, 1, 2);
  net_.pair_at({1}, 1, 3);
  net_.run(seconds(5), busy_);
  EXPECT_TRUE(status(2).trusted);
  EXPECT_TRUE(status(3).trusted);
}

TEST_F(CrossedRelay, swapped_channels_are_never_trusted) {
  // What the first is told to be the way to the second leads to the third, and back.
  tell(1, 2, relayed_way(1, 1, 3));
  tell(1, 3, relayed_way(1, 1, 2));
  tell(2, 1, relayed_way(1, 2, 1));
  tell(3, 1, relayed_way(1, 3, 1));
  for (int i = 0; i < 60; ++i) {
    net_.run(seconds(1), busy_);
    for (const std::uint32_t other : {2U, 3U}) ASSERT_FALSE(status(other).trusted) << other;
  }
  EXPECT_FALSE(net_.host(1).doubts.empty()) << "its relay is asked about it";
}

}  // namespace
}  // namespace kernmesh::path
