// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/slots.h"

#include <gtest/gtest.h>

namespace kernmesh::bpf {
namespace {

TEST(SlotPool, gives_each_slot_once_and_never_zero) {
  SlotPool pool(3);
  EXPECT_EQ(pool.take(), 1U);
  EXPECT_EQ(pool.take(), 2U);
  EXPECT_EQ(pool.take(), 3U);
  EXPECT_EQ(pool.take(), std::nullopt);
}

TEST(SlotPool, skips_what_an_earlier_agent_took) {
  SlotPool pool(3);
  EXPECT_TRUE(pool.mark_taken(2));
  EXPECT_FALSE(pool.mark_taken(2)) << "twice";
  EXPECT_FALSE(pool.mark_taken(0));
  EXPECT_FALSE(pool.mark_taken(4));
  EXPECT_EQ(pool.take(), 1U);
  EXPECT_EQ(pool.take(), 3U);
  EXPECT_EQ(pool.take(), std::nullopt);
}

TEST(SlotPool, uses_again_what_was_given_back_longest_ago) {
  SlotPool pool(3);
  ASSERT_TRUE(pool.mark_taken(3));
  pool.take();
  pool.take();
  pool.give_back(2);
  pool.give_back(1);
  pool.give_back(1);  // twice: ignored
  EXPECT_EQ(pool.take(), 2U);
  EXPECT_EQ(pool.take(), 1U);
  pool.give_back(3);
  EXPECT_EQ(pool.take(), 3U);
  EXPECT_EQ(pool.take(), std::nullopt);
}

}  // namespace
}  // namespace kernmesh::bpf
