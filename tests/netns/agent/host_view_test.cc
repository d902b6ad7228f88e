// SPDX-License-Identifier: Apache-2.0
// What the agent reads of a host, in a network namespace that each test makes for itself.
#include "controller/agent/host_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>

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

TEST_F(HostView, meshes_are_those_of_every_agent_up_or_not) {
  const auto none = read_mesh_ranges(*socket_);
  ASSERT_TRUE(none) << none.error().message();
  EXPECT_TRUE(none->empty());
  ASSERT_EQ(std::system("ip addr add 192.168.1.7/24 dev up0 && "
                        "ip route add 100.64.0.0/10 dev up0 table 27515 && "
                        "ip route add unreachable 100.64.0.0/10 metric 1263340545 table 27515 && "
                        "ip route add unreachable fd20:200::/48 metric 1263340546 table 27515"),
            0);
  const auto ranges = read_mesh_ranges(*socket_);
  ASSERT_TRUE(ranges) << ranges.error().message();
  EXPECT_THAT(*ranges, testing::UnorderedElementsAre(*Prefix::parse("100.64.0.0/10"),
                                                     *Prefix::parse("fd20:200::/48")));
}

// A host on 192.168.1.0/24 whose default route leads through up0, by 192.168.1.1.
class BehindGateway : public HostView {
 protected:
  void SetUp() override {
    HostView::SetUp();
    ASSERT_EQ(std::system("ip addr add 192.168.1.7/24 dev up0 && "
                          "ip route add default via 192.168.1.1 dev up0"),
              0);
  }
  const IpAddress local_ = *IpAddress::parse("192.168.1.7");
};

TEST_F(BehindGateway, asks_the_default_routes_next_hop) {
  const portmap::Gateway gateway{*IpAddress::parse("192.168.1.1"), local_};
  EXPECT_EQ(read_gateway(*socket_, uplinks()), gateway);
}

TEST_F(BehindGateway, asks_nobody_once_the_default_route_is_gone_or_leads_elsewhere) {
  EXPECT_FALSE(read_gateway(*socket_, {})) << "through no uplink";
  ASSERT_EQ(std::system("ip route replace default dev up0"), 0);
  EXPECT_FALSE(read_gateway(*socket_, uplinks())) << "without a next hop";
  ASSERT_EQ(std::system("ip route del default"), 0);
  EXPECT_FALSE(read_gateway(*socket_, uplinks()));
}

TEST_F(BehindGateway, asks_nobody_for_a_public_address_of_its_own) {
  ASSERT_EQ(std::system("ip addr add 5.6.7.8/24 dev up0 && "
                        "ip route replace default via 192.168.1.1 dev up0 src 5.6.7.8"),
            0);
  EXPECT_FALSE(read_gateway(*socket_, uplinks()));
}

}  // namespace
}  // namespace kernmesh::agent
