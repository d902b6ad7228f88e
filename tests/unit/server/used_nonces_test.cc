// SPDX-License-Identifier: Apache-2.0
#include "controller/server/used_nonces.h"

#include <gtest/gtest.h>

#include <string>

namespace kernmesh::server {
namespace {

using std::chrono::seconds;

TEST(UsedNonces, c2_is_used_once_while_it_would_be_good) {
  UsedNonces used(100, seconds(120));
  EXPECT_TRUE(used.add("a", MonoTime{}));
  EXPECT_FALSE(used.add("a", MonoTime{} + seconds(120)));
  EXPECT_TRUE(used.add("b", MonoTime{} + seconds(121)));
  EXPECT_EQ(used.size(), 1u) << "what is over is forgotten";
}

TEST(UsedNonces, c7_flood_is_never_refused_and_takes_no_more_room) {
  UsedNonces used(100, seconds(120));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(used.add(std::to_string(i), MonoTime{}));
  EXPECT_EQ(used.size(), 100u);
  EXPECT_FALSE(used.add("999", MonoTime{}));
  EXPECT_FALSE(used.add("900", MonoTime{}));
}

}  // namespace
}  // namespace kernmesh::server
