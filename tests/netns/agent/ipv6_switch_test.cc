// SPDX-License-Identifier: Apache-2.0
// What an administrator's sysctl does to interfaces, in a network namespace that each test makes
// for itself.
#include "controller/agent/ipv6_switch.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

namespace kernmesh::agent {
namespace {

using reconcile::Ipv6;

class Ipv6Switch : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "run as root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    ASSERT_EQ(std::system("ip link add up0 type veth peer name up1"), 0);
  }
};

TEST_F(Ipv6Switch, is_on_unless_somebody_turned_it_off) {
  EXPECT_EQ(read_ipv6("up0"), Ipv6::kOn);
  ASSERT_EQ(std::system("sysctl -qw net.ipv6.conf.up0.disable_ipv6=1"), 0);
  EXPECT_EQ(read_ipv6("up0"), Ipv6::kOff);
  EXPECT_EQ(read_ipv6("up1"), Ipv6::kOn);
}

TEST_F(Ipv6Switch, of_all_interfaces_is_each_ones) {
  ASSERT_EQ(std::system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1"), 0);
  EXPECT_EQ(read_ipv6("up0"), Ipv6::kOff);
  ASSERT_EQ(std::system("sysctl -qw net.ipv6.conf.up0.disable_ipv6=0"), 0);
  EXPECT_EQ(read_ipv6("up0"), Ipv6::kOn);
}

TEST_F(Ipv6Switch, of_an_interface_that_has_none_is_what_new_ones_get) {
  EXPECT_EQ(read_ipv6("none0"), Ipv6::kOn);
  ASSERT_EQ(
      std::system("ip link set up0 mtu 1000 && sysctl -qw net.ipv6.conf.default.disable_ipv6=1"),
      0);
  EXPECT_EQ(read_ipv6("none0"), Ipv6::kOff);
  EXPECT_EQ(read_ipv6("up0"), Ipv6::kOff);
  EXPECT_EQ(read_ipv6("up1"), Ipv6::kOn);
}

}  // namespace
}  // namespace kernmesh::agent
