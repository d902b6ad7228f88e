// SPDX-License-Identifier: Apache-2.0
#include "controller/base/ip.h"

#include <gtest/gtest.h>

namespace kernmesh {
namespace {

TEST(IpAddress, prints_what_it_parsed) {
  for (const char* text :
       {"0.0.0.0", "100.64.0.1", "255.255.255.255", "::", "::1", "fd7a:115c:a1e0::1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
}

TEST(IpAddress, refuses_what_is_not_an_address) {
  for (const char* text :
       {"", "1.2.3", "1.2.3.256", "1.2.3.4/8", "fe80::1%eth0", ":::", "example.org"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(Prefix, contains_only_its_own_family_and_bits) {
  const auto v4 = *Prefix::parse("100.64.0.0/10");
  EXPECT_TRUE(v4.contains(*IpAddress::parse("100.127.255.255")));
  EXPECT_FALSE(v4.contains(*IpAddress::parse("100.128.0.0")));
  EXPECT_FALSE(v4.contains(*IpAddress::parse("::ffff:100.64.0.1")));
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("8.8.8.8")));
}

TEST(Prefix, refuses_host_bits_and_lengths_out_of_range) {
  for (const char* text :
       {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "fd00::/129"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Prefix, overlap_is_symmetric) {
  const auto wide = *Prefix::parse("10.0.0.0/8");
  const auto narrow = *Prefix::parse("10.1.0.0/16");
  const auto other = *Prefix::parse("11.0.0.0/8");
  EXPECT_TRUE(wide.overlaps(narrow));
  EXPECT_TRUE(narrow.overlaps(wide));
  EXPECT_FALSE(wide.overlaps(other));
}

TEST(Endpoint, brackets_are_for_ipv6_and_only_for_it) {
  EXPECT_EQ(to_string(*Endpoint::parse("192.0.2.1:4500")), "192.0.2.1:4500");
  EXPECT_EQ(to_string(*Endpoint::parse("[2001:db8::1]:4500")), "[2001:db8::1]:4500");
  for (const char* text :
       {"2001:db8::1:4500", "[192.0.2.1]:1", "192.0.2.1", "192.0.2.1:65536", ":1", "192.0.2.1:"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

}  // namespace
}  // namespace kernmesh
