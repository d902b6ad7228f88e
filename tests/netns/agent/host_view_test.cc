// SPDX-License-Identifier: Apache-2.0
// What the agent reads of a host, in a network namespace that each test makes for itself.
#include "controller/agent/host_view.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "controller/netlink/address.h"
#include "controller/netlink/link.h"
#include "controller/netlink/netns.h"

namespace kernmesh::agent {
namespace {

class HostView : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "run as root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    auto opened = netlink::RouteSocket::open();
    ASSERT_TRUE(opened) << opened.error().message();
    socket_.emplace(std::move(*opened));
    const auto own = netlink::open_current_netns();
    ASSERT_TRUE(own);
    const Status made = netlink::create_veth(
        *socket_, {"up0", {2, 0, 0, 0, 0, 1}, "up1", {2, 0, 0, 0, 0, 2}, own->get(), 1500});
    ASSERT_TRUE(made) << made.error().message();
    for (const char* name : {"lo", "up0", "up1"}) {
      const auto link = netlink::find_link(*socket_, name);
      ASSERT_TRUE(link && *link) << name;
      ASSERT_TRUE(netlink::set_link_state(*socket_, (*link)->index, netlink::LinkState::kUp));
    }
    loopback_ = (*netlink::find_link(*socket_, "lo"))->index;
  }

  reconcile::Uplinks uplinks() {
    const auto interfaces = read_interfaces(*socket_);
    EXPECT_TRUE(interfaces) << interfaces.error().message();
    return reconcile::choose_uplinks(*interfaces, IfIndex(1000), IfIndex(1001));
  }

  std::optional<netlink::RouteSocket> socket_;
  IfIndex loopback_;
};

TEST_F(HostView, without_an_address_that_others_can_reach_offers_nothing) {
  EXPECT_TRUE(uplinks().interfaces.empty());
}

TEST_F(HostView, whose_addresses_are_on_the_loopback_interface_alone_offers_those) {
  const auto v4 = *IpAddress::parse("198.51.100.7");
  const auto v6 = *IpAddress::parse("2001:db8::7");
  ASSERT_TRUE(netlink::add_address(*socket_, loopback_, v4, 32));
  ASSERT_TRUE(netlink::add_address(*socket_, loopback_, v6, 128));
  const auto found = uplinks();
  EXPECT_EQ(found.addresses, (std::vector{v4, v6}));
  EXPECT_EQ(found.interfaces.size(), 2u);
  EXPECT_EQ(found.mtu, 1500u);
}

}  // namespace
}  // namespace kernmesh::agent
