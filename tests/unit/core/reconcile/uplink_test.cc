// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/uplink.h"

#include <gtest/gtest.h>

namespace kernmesh::reconcile {
namespace {

Interface ethernet(std::uint32_t index, const char* name, std::vector<const char*> addresses,
                   std::uint32_t mtu = 1500) {
  Interface interface;
  interface.index = IfIndex(index);
  interface.name = name;
  interface.mtu = mtu;
  interface.up = true;
  interface.ethernet = true;
  for (const char* text : addresses) interface.addresses.push_back(*IpAddress::parse(text));
  return interface;
}

std::vector<std::string> chosen(const std::vector<Interface>& all) {
  std::vector<std::string> names;
  for (const auto& interface : choose_uplinks(all, IfIndex(7), IfIndex(8)).interfaces)
    names.push_back(interface.name);
  return names;
}

TEST(Uplinks, are_interfaces_with_an_address_that_others_can_reach) {
  auto down = ethernet(3, "eth2", {"10.0.0.3"});
  down.up = false;
  auto port = ethernet(4, "eth3", {"10.0.0.4"});
  port.enslaved = true;
  EXPECT_EQ(chosen({ethernet(1, "eth0", {"10.0.0.1"}),
                    ethernet(2, "eth1", {"fe80::1", "169.254.1.1"}), down, port}),
            std::vector<std::string>{"eth0"});
}

TEST(Uplinks, leave_out_ours_and_those_of_container_runtimes_and_tunnels) {
  std::vector<Interface> all;
  for (const char* name : {"meshu0", "meshu1", "cilium_host", "cali12", "flannel.1", "docker0",
                           "veth1a", "br-1", "wg0"}) {
    all.push_back(ethernet(9, name, {"10.1.1.1"}));
  }
  all.push_back(ethernet(7, "private0", {"10.3.3.3"}));
  auto vxlan = ethernet(9, "overlay", {"10.2.2.2"});
  vxlan.kind = "vxlan";
  all.push_back(vxlan);
  EXPECT_TRUE(chosen(all).empty());
}

TEST(Uplinks, sum_up_addresses_and_the_smallest_mtu) {
  const auto uplinks = choose_uplinks({ethernet(1, "eth0", {"10.0.0.1", "2001:db8::1"}, 9000),
                                       ethernet(2, "eth1", {"10.9.0.1"}, 1460)},
                                      IfIndex(7), IfIndex(8));
  EXPECT_EQ(uplinks.mtu, 1460u);
  EXPECT_EQ(uplinks.addresses.size(), 3u);
  EXPECT_EQ(choose_uplinks({}, IfIndex(7), IfIndex(8)).mtu, 0u);
}

TEST(Uplinks, take_packets_to_a_deprecated_address_and_tell_nobody_of_it) {
  auto some = ethernet(1, "eth0", {"10.0.0.1"});
  some.deprecated = {*IpAddress::parse("2001:db8::1"), *IpAddress::parse("fe80::1")};
  auto all = ethernet(2, "eth1", {});
  all.deprecated = {*IpAddress::parse("10.9.0.1")};
  const auto uplinks = choose_uplinks({some, all}, IfIndex(7), IfIndex(8));
  EXPECT_EQ(uplinks.interfaces.size(), 2u) << "eth1 carries what is under way";
  ASSERT_EQ(offered_endpoints(uplinks, Port(1), 10).size(), 1u);
  EXPECT_EQ(to_string(offered_endpoints(uplinks, Port(1), 10)[0].address), "10.0.0.1");
  std::vector<std::string> arrivals;
  for (const auto& address : arrival_addresses(uplinks)) arrivals.push_back(to_string(address));
  EXPECT_EQ(arrivals, (std::vector<std::string>{"10.0.0.1", "10.9.0.1", "2001:db8::1"}));
}

Interface loopback(std::vector<const char*> addresses) {
  auto interface = ethernet(1, "lo", std::move(addresses), 65536);
  interface.ethernet = false;
  interface.loopback = true;
  return interface;
}

TEST(Uplinks, offer_the_addresses_of_the_host_on_its_loopback_interface) {
  const auto uplinks =
      choose_uplinks({loopback({"127.0.0.1", "::1", "198.51.100.7", "2001:db8::7"}),
                      ethernet(2, "eth0", {"10.0.0.1"}), ethernet(3, "eth1", {})},
                     IfIndex(7), IfIndex(8));
  EXPECT_EQ(uplinks.addresses,
            (std::vector{*IpAddress::parse("10.0.0.1"), *IpAddress::parse("198.51.100.7"),
                         *IpAddress::parse("2001:db8::7")}));
  ASSERT_EQ(uplinks.interfaces.size(), 2u);
  EXPECT_EQ(uplinks.interfaces[1].name, "eth1");
  EXPECT_EQ(uplinks.mtu, 1500u);
}

TEST(Uplinks, offer_nothing_of_a_loopback_interface_that_no_uplink_leads_to) {
  const auto uplinks =
      choose_uplinks({loopback({"127.0.0.1", "198.51.100.7"})}, IfIndex(7), IfIndex(8));
  EXPECT_TRUE(uplinks.interfaces.empty());
  EXPECT_TRUE(uplinks.addresses.empty());
}

TEST(Uplinks, without_addresses_are_none_when_the_loopback_interface_has_only_its_own) {
  EXPECT_TRUE(chosen({loopback({"127.0.0.1", "::1"}), ethernet(2, "eth0", {})}).empty());
}

// A neighbour reaches the host through its link-local address, or as soon as the link comes up.
TEST(Uplinks, that_are_none_for_want_of_an_address_or_a_link_are_guarded) {
  auto down = ethernet(3, "eth2", {"10.0.0.3"});
  down.up = false;
  auto port = ethernet(4, "eth3", {});
  port.enslaved = true;
  const auto uplinks = choose_uplinks(
      {loopback({"127.0.0.1"}), ethernet(2, "eth0", {"10.0.0.1"}), down, port,
       ethernet(5, "eth4", {"fe80::1"}), ethernet(6, "veth1", {}), ethernet(7, "mesh0", {})},
      IfIndex(7), IfIndex(8));
  EXPECT_EQ(uplinks.guarded, (std::vector{IfIndex(3), IfIndex(5)}));
  EXPECT_EQ(uplinks.interfaces.size(), 1u);
}

TEST(OfferedEndpoints, carry_the_public_port_and_are_bounded) {
  const auto uplinks = choose_uplinks({ethernet(1, "eth0", {"10.0.0.1", "10.0.0.2", "10.0.0.3"})},
                                      IfIndex(7), IfIndex(8));
  const auto endpoints = offered_endpoints(uplinks, Port(41000), 2);
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(to_string(endpoints[0]), "10.0.0.1:41000");
}

}  // namespace
}  // namespace kernmesh::reconcile
