// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/overlay.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

namespace kernmesh::topology {
namespace {

OverlayRange range_of(const char* v4, const char* v6 = "fd7a:6b6d::/48") {
  return {*Prefix::parse(v4), *Prefix::parse(v6)};
}

TEST(Overlay, small_range_is_used_up_without_its_edges_and_without_repeats) {
  const auto range = range_of("10.1.2.0/28");
  std::set<std::string> seen;
  Slot slot = 0;
  while (const auto next = next_slot(range, slot)) {
    slot = *next;
    const auto addresses = addresses_of(range, slot);
    EXPECT_TRUE(range.v4.contains(addresses[0]));
    EXPECT_TRUE(range.v6.contains(addresses[1]));
    EXPECT_TRUE(seen.insert(to_string(addresses[0])).second);
    EXPECT_TRUE(seen.insert(to_string(addresses[1])).second);
  }
  EXPECT_EQ(seen.size(), 2 * 14u);
  EXPECT_FALSE(seen.contains("10.1.2.0"));
  EXPECT_FALSE(seen.contains("10.1.2.15"));
}

TEST(Overlay, allocation_never_repeats_and_avoids_reserved_blocks) {
  const auto metadata = *Prefix::parse("100.100.100.0/24");
  const auto containers = *Prefix::parse("100.115.92.0/23");
  ASSERT_TRUE(rc::check([&] {
    const auto range = range_of("100.64.0.0/10");
    const auto start = *rc::gen::inRange<Slot>(0, 1u << 22);
    Slot slot = start;
    for (int i = 0; i < 50; ++i) {
      const auto next = next_slot(range, slot);
      if (!next) return;
      RC_ASSERT(*next > slot);
      slot = *next;
      const auto address = addresses_of(range, slot)[0];
      RC_ASSERT(range.v4.contains(address));
      RC_ASSERT(!metadata.contains(address));
      RC_ASSERT(!containers.contains(address));
      RC_ASSERT((address.to_v4_number() & 0xff) % 255 != 0);
    }
  }));
}

TEST(Overlay, jumps_over_a_reserved_block) {
  const auto range = range_of("100.100.100.0/22");
  const auto first = next_slot(range, 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(to_string(addresses_of(range, *first)[0]), "100.100.101.1");
}

TEST(Overlay, ranges_with_another_meaning_are_refused) {
  EXPECT_TRUE(check_overlay(range_of("10.0.0.0/8")));
  for (const char* v4 : {"127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/8", "240.0.0.0/8", "0.0.0.0/8",
                         "10.0.0.0/29", "96.0.0.0/4"}) {
    EXPECT_FALSE(check_overlay(range_of(v4))) << v4;
  }
  for (const char* v6 : {"2001:db8::/48", "fe80::/64", "fd00::/112"}) {
    EXPECT_FALSE(check_overlay(range_of("10.0.0.0/8", v6))) << v6;
  }
}

}  // namespace
}  // namespace kernmesh::topology
