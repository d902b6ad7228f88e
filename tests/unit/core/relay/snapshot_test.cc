// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/snapshot.h"

#include "tests/unit/core/relay/relay_world.h"

namespace kernmesh::relay {
namespace {

std::vector<SavedClient> sample() {
  World world;
  Peer a(world, 1, "192.0.2.1:4000"), b(world, 2, "[2001:db8::2]:5000");
  pair_up(a, b);
  return world.table.save();
}

TEST(RelaySnapshot, says_what_was_saved) {
  const auto saved = sample();
  const auto read = parse_snapshot(to_bytes(saved));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*read)[i].ticket.network, saved[i].ticket.network);
    EXPECT_EQ((*read)[i].ticket.node, saved[i].ticket.node);
    EXPECT_EQ((*read)[i].ticket.client, saved[i].ticket.client);
    EXPECT_EQ((*read)[i].ticket.not_after, saved[i].ticket.not_after);
    EXPECT_EQ((*read)[i].ticket.most_pairs, saved[i].ticket.most_pairs);
    EXPECT_EQ((*read)[i].origin, saved[i].origin);
    EXPECT_EQ((*read)[i].sequence, saved[i].sequence);
    EXPECT_EQ((*read)[i].stamp, saved[i].stamp);
    EXPECT_EQ((*read)[i].wishes, saved[i].wishes);
  }
  EXPECT_TRUE(parse_snapshot(to_bytes({}))->empty());
}

TEST(RelaySnapshot, damage_and_every_truncation_are_noticed) {
  const auto whole = to_bytes(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto part = parse_snapshot(std::span(whole).first(size));
    ASSERT_FALSE(part) << size;
    ASSERT_EQ(part.error().code(), ErrorCode::kCorrupt);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] ^= 1;
    ASSERT_FALSE(parse_snapshot(damaged)) << at;
  }
}

}  // namespace
}  // namespace kernmesh::relay
