// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/stream_quota.h"

#include <gtest/gtest.h>

namespace kernmesh::relay {
namespace {

using Standing = StreamQuota::Standing;

IpAddress address(const std::string& text) { return IpAddress::parse(text).value(); }
IpAddress v4(int number) { return IpAddress::from_v4_number(0xc6336400U + number); }

TEST(StreamQuota, one_source_has_its_part_and_no_more) {
  StreamQuota quota({10, 10, 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(quota.take(v4(1)));
  EXPECT_FALSE(quota.take(v4(1)));
  EXPECT_TRUE(quota.take(v4(2))) << "another address is another source";
  quota.give_back(v4(1), Standing::kUnbound);
  EXPECT_TRUE(quota.take(v4(1)));
  EXPECT_FALSE(quota.take(v4(1)));
}

TEST(StreamQuota, all_addresses_of_a_64_are_one_source) {
  StreamQuota quota({10, 10, 3});
  EXPECT_TRUE(quota.take(address("2001:db8::1")));
  EXPECT_TRUE(quota.take(address("2001:db8::2")));
  EXPECT_TRUE(quota.take(address("2001:db8::ffff:ffff:ffff:ffff")));
  EXPECT_FALSE(quota.take(address("2001:db8::3")));
  EXPECT_TRUE(quota.take(address("2001:db8:0:1::3")));
  quota.give_back(address("2001:db8::2"), Standing::kUnbound);
  EXPECT_TRUE(quota.take(address("2001:db8::3")));
}

TEST(StreamQuota, a_customers_addresses_leave_room_for_others) {
  StreamQuota quota({});
  int taken = 0;
  for (int i = 0; i < 66 * 64; ++i) {
    taken += quota.take(address("2001:db8::" + std::to_string(i % 66 + 1))) ? 1 : 0;
  }
  EXPECT_EQ(taken, 64);
  EXPECT_TRUE(quota.take(v4(1)));
}

TEST(StreamQuota, strangers_never_take_what_is_kept_for_the_bound) {
  StreamQuota quota({5, 2, 5});
  EXPECT_TRUE(quota.take(v4(1)));
  quota.bind_one();
  EXPECT_TRUE(quota.take(v4(2)));
  EXPECT_TRUE(quota.take(v4(3)));
  EXPECT_FALSE(quota.take(v4(4))) << "two are unbound";
  quota.bind_one();
  EXPECT_TRUE(quota.take(v4(4))) << "one of them has bound";
  quota.give_back(v4(2), Standing::kBound);
  EXPECT_FALSE(quota.take(v4(5))) << "who went was no stranger";
  quota.give_back(v4(3), Standing::kUnbound);
  EXPECT_TRUE(quota.take(v4(5)));
}

TEST(StreamQuota, who_was_bound_can_be_a_stranger_again) {
  StreamQuota quota({5, 2, 5});
  EXPECT_TRUE(quota.take(v4(1)));
  quota.bind_one();
  EXPECT_TRUE(quota.take(v4(2)));
  EXPECT_TRUE(quota.take(v4(3)));
  quota.unbind_one();  // three, of whom one was no stranger when it came
  EXPECT_FALSE(quota.take(v4(4)));
  quota.give_back(v4(1), Standing::kUnbound);
  EXPECT_FALSE(quota.take(v4(4))) << "two are unbound";
  quota.give_back(v4(2), Standing::kUnbound);
  EXPECT_TRUE(quota.take(v4(4)));
}

TEST(StreamQuota, all_together_are_limited) {
  StreamQuota quota({3, 3, 3});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(quota.take(v4(i)));
    quota.bind_one();
  }
  EXPECT_FALSE(quota.take(v4(4)));
  quota.give_back(v4(0), Standing::kBound);
  EXPECT_TRUE(quota.take(v4(4)));
}

}  // namespace
}  // namespace kernmesh::relay
