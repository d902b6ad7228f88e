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

TEST(OfferedEndpoints, carry_the_public_port_and_are_bounded) {
  const auto uplinks = choose_uplinks({ethernet(1, "eth0", {"10.0.0.1", "10.0.0.2", "10.0.0.3"})},
                                      IfIndex(7), IfIndex(8));
  const auto endpoints = offered_endpoints(uplinks, Port(41000), 2);
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(to_string(endpoints[0]), "10.0.0.1:41000");
}

}  // namespace
}  // namespace kernmesh::reconcile
