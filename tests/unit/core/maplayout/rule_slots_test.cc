// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/rule_slots.h"

#include <numeric>

#include "tests/unit/core/maplayout/sample_slice.h"

namespace kernmesh::maplayout {
namespace {

using Slots = std::vector<std::uint32_t>;

std::vector<RuleId> ids(std::initializer_list<std::uint32_t> numbers) {
  std::vector<RuleId> ids;
  for (const auto number : numbers) ids.emplace_back(number);
  return ids;
}

std::vector<RuleId> ids_from(std::uint32_t first, std::uint32_t count) {
  std::vector<RuleId> ids;
  for (std::uint32_t i = 0; i < count; ++i) ids.emplace_back(first + i);
  return ids;
}

TEST(RuleSlots, a_rule_that_stays_keeps_its_slot) {
  RuleSlots slots;
  EXPECT_EQ(*slots.assign(ids({5, 9})), (Slots{1, 2}));
  EXPECT_EQ(*slots.assign(ids({2, 5, 9})), (Slots{3, 1, 2}));
  EXPECT_EQ(*slots.assign(ids({2, 9})), (Slots{3, 2}));
}

TEST(RuleSlots, a_freed_slot_is_not_reused_by_the_change_that_frees_it) {
  RuleSlots slots;
  ASSERT_TRUE(slots.assign(ids({1, 2})));
  EXPECT_EQ(*slots.assign(ids({2, 3})), (Slots{2, 3}));
  EXPECT_EQ(*slots.assign(ids({2, 3, 4})), (Slots{2, 3, 1}));
}

TEST(RuleSlots, the_slot_that_was_free_longest_is_taken_first) {
  RuleSlots slots;
  ASSERT_TRUE(slots.assign(ids({1, 2, 3})));
  ASSERT_TRUE(slots.assign(ids({1, 2})));
  ASSERT_TRUE(slots.assign(ids({2})));
  EXPECT_EQ(*slots.assign(ids({2, 7, 8, 9})), (Slots{2, 3, 1, 4}));
}

TEST(RuleSlots, too_many_rules_are_refused_and_change_nothing) {
  RuleSlots slots;
  ASSERT_TRUE(slots.assign(ids({7})));
  const auto refused = slots.assign(ids_from(100, RuleSlots::kMaxRules + 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  EXPECT_EQ(*slots.assign(ids({3, 7})), (Slots{2, 1}));
}

TEST(RuleSlots, as_many_other_rules_as_may_be_stay_within_the_bound) {
  RuleSlots slots;
  ASSERT_TRUE(slots.assign(ids_from(1, RuleSlots::kMaxRules)));
  ASSERT_TRUE(slots.assign(ids_from(1'000'000, RuleSlots::kMaxRules)));
  EXPECT_EQ(slots.end(), RuleSlots::kMaxRules + 1);
}

TEST(RuleSlots, the_next_process_goes_on_with_the_slots_of_an_image) {
  SampleSlice sample;
  sample.set(1, {2});
  sample.peer(2);
  for (const std::uint32_t id : {10u, 20u, 30u}) sample.rule(id, {1}, {tcp(80)});
  RuleSlots slots;
  ASSERT_TRUE(compile_acl(sample.input(), slots, {}));
  sample.rules.erase(RuleId(10));
  const auto image = compile_acl(sample.input(), slots, {});
  ASSERT_TRUE(image);
  auto restored = RuleSlots::restored(image->lines);
  ASSERT_TRUE(restored);
  EXPECT_EQ(*restored->assign(ids({5, 20, 30, 40})), (Slots{1, 2, 3, 4}));
}

TEST(RuleSlots, an_image_whose_rules_are_not_there_is_refused) {
  EXPECT_FALSE(RuleSlots::restored({}));
  SampleSlice sample;
  auto image = sample.compile();
  mesh_acl_extent extent = extent_of(image);
  const auto broken = [&](std::uint32_t rules, std::uint32_t count) {
    extent.rules = rules;
    extent.rule_count = count;
    std::memcpy(&image.lines[2], &extent, sizeof extent);
    return !RuleSlots::restored(image.lines);
  };
  EXPECT_TRUE(broken(extent.rules, 0));
  EXPECT_TRUE(broken(extent.lines, 2));
  EXPECT_TRUE(broken(extent.rules, RuleSlots::kMaxRules + 2));
  EXPECT_TRUE(broken(0xffffffff, 0xffffffff));
}

}  // namespace
}  // namespace kernmesh::maplayout
