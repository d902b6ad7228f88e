// SPDX-License-Identifier: Apache-2.0
#include "controller/core/topology/node_life.h"

#include <gtest/gtest.h>

#include "controller/core/netmap/key_expiry.h"

namespace kernmesh::topology {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

constexpr WallTime kStart{seconds(1'800'000'000)};

Node admitted(Approval approval = Approval::kGiven) {
  Node node;
  node.id = NodeId(1);
  node.name = "n1";
  node.node_key = NodePublicKey({1});
  admit(node, approval, kStart);
  return node;
}

TEST(NodeLife, newcomer_is_pending_until_approved_and_its_period_begins_then) {
  Node node = admitted(Approval::kNeeded);
  EXPECT_EQ(node.state, NodeState::kPending);
  EXPECT_EQ(node.key_expires_at, WallTime{});
  EXPECT_FALSE(key_has_lapsed(node, kStart + days(9999)));
  EXPECT_FALSE(renew(node, kStart));
  EXPECT_FALSE(expire(node, kStart));
  ASSERT_TRUE(approve(node, kStart + days(10)));
  EXPECT_EQ(node.key_expires_at, kStart + days(10) + kNodeKeyLifetime);
}

TEST(NodeLife, key_lapses_at_its_end_and_not_a_second_before) {
  const Node node = admitted();
  EXPECT_FALSE(key_has_lapsed(node, node.key_expires_at - seconds(1)));
  EXPECT_TRUE(key_has_lapsed(node, node.key_expires_at));
}

TEST(NodeLife, tagged_node_never_expires_and_has_a_period_again_without_tags) {
  Node node = admitted();
  retag(node, {"tag:a"}, kStart + days(1));
  EXPECT_EQ(node.key_expires_at, WallTime{});
  EXPECT_EQ(set_expiry(node, KeyExpiry::kDate, kStart + days(2), kStart).error().code(),
            ErrorCode::kConflict);
  retag(node, {"tag:b"}, kStart + days(2));
  EXPECT_EQ(node.key_expires_at, WallTime{});
  retag(node, {}, kStart + days(3));
  EXPECT_EQ(node.key_expires_at, kStart + days(3) + kNodeKeyLifetime);
}

TEST(NodeLife, another_tag_leaves_the_end_of_a_key_alone) {
  Node node = admitted();
  const auto end = node.key_expires_at;
  retag(node, {}, kStart + days(5));
  EXPECT_EQ(node.key_expires_at, end);
}

TEST(NodeLife, expiry_is_a_period_a_date_or_never) {
  Node node = admitted();
  ASSERT_TRUE(set_expiry(node, KeyExpiry::kNever, {}, kStart));
  EXPECT_EQ(node.key_expires_at, WallTime{});
  ASSERT_TRUE(renew(node, kStart + days(1)));
  EXPECT_EQ(node.key_expires_at, WallTime{}) << "never stays never";
  ASSERT_TRUE(set_expiry(node, KeyExpiry::kDate, kStart + days(30), kStart));
  EXPECT_EQ(node.key_expires_at, kStart + days(30));
  ASSERT_TRUE(set_expiry(node, KeyExpiry::kPeriod, {}, kStart));
  EXPECT_EQ(node.key_expires_at, kStart + kNodeKeyLifetime);
  for (const auto date : {kStart, kStart - days(1), kStart + kMostKeyLifetime + seconds(1)}) {
    EXPECT_EQ(set_expiry(node, KeyExpiry::kDate, date, kStart).error().code(), ErrorCode::kInvalid);
  }
  EXPECT_FALSE(set_expiry(node, KeyExpiry::kEnded, {}, kStart));
}

TEST(NodeLife, renewal_of_a_date_begins_the_usual_period) {
  Node node = admitted();
  ASSERT_TRUE(set_expiry(node, KeyExpiry::kDate, kStart + days(30), kStart));
  ASSERT_TRUE(renew(node, kStart + days(31)));
  EXPECT_EQ(node.state, NodeState::kApproved);
  EXPECT_EQ(node.key_expiry, KeyExpiry::kPeriod);
  EXPECT_EQ(node.key_expires_at, kStart + days(31) + kNodeKeyLifetime);
}

// C13: a clock that is behind takes nothing away.
TEST(NodeLife, c13_renewal_by_a_clock_that_is_years_behind_shortens_nothing) {
  Node node = admitted();
  const auto end = node.key_expires_at;
  take_node_key(node, NodePublicKey({2}), CameBy::kJoinKey, kStart - days(3650));
  EXPECT_EQ(node.key_expires_at, end);
  ASSERT_TRUE(renew(node, kStart - days(3650)));
  EXPECT_EQ(node.key_expires_at, end);
}

// C13: by a clock that was ahead a node is not expired for good; by hand it is.
TEST(NodeLife, c13_only_what_a_clock_has_ended_comes_back_with_the_clock) {
  Node node = admitted();
  node.state = NodeState::kExpired;
  EXPECT_FALSE(has_expired_too_early(node, node.key_expires_at));
  EXPECT_TRUE(has_expired_too_early(node, kStart));
  Node ended = admitted();
  ASSERT_TRUE(expire(ended, kStart));
  EXPECT_FALSE(has_expired_too_early(ended, kStart - days(3650)));
  EXPECT_FALSE(has_expired_too_early(ended, kStart + days(3650)));
  ASSERT_TRUE(expire(node, kStart + days(9000))) << "also one that a clock has ended";
  EXPECT_FALSE(has_expired_too_early(node, kStart));
}

struct Due {
  days left;
  bool rotation;
  bool alarm;
};
class NodeLifeDue : public testing::TestWithParam<Due> {};

TEST_P(NodeLifeDue, what_is_due_depends_on_the_time_left) {
  Node node = admitted();
  const WallTime now = node.key_expires_at - GetParam().left;
  EXPECT_EQ(rotation_is_due(node, CameBy::kJoinKey, now), GetParam().rotation);
  EXPECT_EQ(key_expires_soon(node, now), GetParam().alarm);
  EXPECT_FALSE(rotation_is_due(node, CameBy::kPerson, now)) << "a person shows himself";
}
INSTANTIATE_TEST_SUITE_P(Ends, NodeLifeDue,
                         testing::Values(Due{days(180), false, false}, Due{days(61), false, false},
                                         Due{days(60), true, false}, Due{days(15), true, false},
                                         Due{days(14), true, true}, Due{days(1), true, true},
                                         Due{days(0), false, false}));

TEST(NodeLife, new_key_begins_a_new_period_unless_a_person_signed_in_or_set_a_date) {
  const WallTime later = kStart + days(100);
  Node node = admitted();
  node.key_rotation_due = true;
  take_node_key(node, NodePublicKey({2}), CameBy::kJoinKey, later);
  EXPECT_EQ(node.key_expires_at, later + kNodeKeyLifetime);
  EXPECT_FALSE(node.key_rotation_due);
  Node of_person = admitted();
  take_node_key(of_person, NodePublicKey({2}), CameBy::kPerson, later);
  EXPECT_EQ(of_person.key_expires_at, kStart + kNodeKeyLifetime);
  EXPECT_EQ(of_person.node_key, NodePublicKey({2}));
  Node dated = admitted();
  ASSERT_TRUE(set_expiry(dated, KeyExpiry::kDate, kStart + days(150), kStart));
  take_node_key(dated, NodePublicKey({2}), CameBy::kJoinKey, later);
  EXPECT_EQ(dated.key_expires_at, kStart + days(150));
}

TEST(NodeLife, same_key_is_renewed_in_the_last_sixth_alone) {
  Node node = admitted();
  const auto end = node.key_expires_at;
  take_node_key(node, node.node_key, CameBy::kJoinKey, end - kRenewalLead - seconds(1));
  EXPECT_EQ(node.key_expires_at, end);
  take_node_key(node, node.node_key, CameBy::kJoinKey, end - kRenewalLead);
  EXPECT_EQ(node.key_expires_at, end - kRenewalLead + kNodeKeyLifetime);
}

TEST(NodeLife, notice_names_the_days_and_what_to_do) {
  netmap::Self self;
  self.name = "db-1";
  self.user_name = "ann";
  EXPECT_FALSE(netmap::key_expiry_notice(self, kStart)) << "never";
  self.key_expires_at = kStart + days(14) + seconds(1);
  EXPECT_FALSE(netmap::key_expiry_notice(self, kStart));
  self.key_expires_at = kStart + days(14);
  ASSERT_TRUE(netmap::key_expiry_notice(self, kStart));
  EXPECT_NE(netmap::key_expiry_notice(self, kStart)->find("in 14 days"), std::string::npos);
  EXPECT_NE(netmap::key_expiry_notice(self, kStart)->find("meshadm node renew db-1"),
            std::string::npos);
  self.key_expires_at = kStart + hours(1);
  EXPECT_NE(netmap::key_expiry_notice(self, kStart)->find("in 1 hour;"), std::string::npos);
  self.key_expires_at = kStart;
  EXPECT_FALSE(netmap::key_expiry_notice(self, kStart)) << "over";
}

}  // namespace
}  // namespace kernmesh::topology
