// SPDX-License-Identifier: Apache-2.0
// rtnetlink adapters against the running kernel, in a network namespace that each test makes for
// itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "controller/netlink/address.h"
#include "controller/netlink/link.h"
#include "controller/netlink/monitor.h"
#include "controller/netlink/netns.h"
#include "controller/netlink/route.h"

namespace kernmesh::netlink {
namespace {

constexpr std::uint32_t kTable = 27515;

class Rtnetlink : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "run as root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    auto opened = RouteSocket::open();
    ASSERT_TRUE(opened) << opened.error().message();
    socket_.emplace(std::move(*opened));
    auto own = open_current_netns();
    ASSERT_TRUE(own);
    own_ = std::move(*own);
    VethPair pair{"here0", {2, 0, 0, 0, 0, 1}, "there0", {2, 0, 0, 0, 0, 2}, own_.get(), 9000};
    const Status made = create_veth(*socket_, pair);
    ASSERT_TRUE(made) << made.error().message();
    here_ = (*find_link(*socket_, "here0"))->index;
    there_ = (*find_link(*socket_, "there0"))->index;
  }
  void bring_up() {
    ASSERT_TRUE(set_link_state(*socket_, here_, LinkState::kUp));
    ASSERT_TRUE(set_link_state(*socket_, there_, LinkState::kUp));
  }

  std::optional<RouteSocket> socket_;
  UniqueFd own_;
  IfIndex here_;
  IfIndex there_;
};

TEST_F(Rtnetlink, veth_pair_has_the_mac_mtu_and_flags_that_were_asked_for) {
  ASSERT_TRUE(disable_ipv6_autoconf(*socket_, here_));
  ASSERT_TRUE(set_link_arp(*socket_, here_, ArpMode::kOff));
  bring_up();
  const auto link = find_link(*socket_, "here0");
  ASSERT_TRUE(link);
  EXPECT_EQ((*link)->mtu, 9000u);
  EXPECT_EQ((*link)->kind, "veth");
  EXPECT_TRUE((*link)->up());
  EXPECT_TRUE((*link)->flags & IFF_NOARP);
  const auto addresses = list_addresses(*socket_);
  ASSERT_TRUE(addresses) << addresses.error().message();
  for (const auto& a : *addresses) EXPECT_NE(a.device, here_) << to_string(a.address);
}

TEST_F(Rtnetlink, absent_link_is_nullopt_and_deleting_it_succeeds) {
  const auto none = find_link(*socket_, "nothere");
  ASSERT_TRUE(none) << none.error().message();
  EXPECT_FALSE(none->has_value());
  EXPECT_TRUE(delete_link(*socket_, "nothere"));
  EXPECT_TRUE(delete_link(*socket_, "here0"));
  EXPECT_FALSE((*find_link(*socket_, "there0")).has_value());
}

TEST_F(Rtnetlink, addresses_are_added_once_and_removed_twice_without_error) {
  bring_up();
  for (const char* text : {"100.64.0.7", "fd7a:6b6d::7"}) {
    const auto address = *IpAddress::parse(text);
    for (int i = 0; i < 2; ++i) {
      const Status added = add_address(*socket_, here_, address, address.bits());
      ASSERT_TRUE(added) << added.error().message();
    }
    const auto listed = list_addresses(*socket_);
    ASSERT_TRUE(listed);
    const auto count = std::count_if(listed->begin(), listed->end(), [&](const auto& a) {
      return a.address == address && a.device == here_ && a.usable;
    });
    EXPECT_EQ(count, 1) << text;
    for (int i = 0; i < 2; ++i) {
      const Status removed = remove_address(*socket_, here_, address, address.bits());
      ASSERT_TRUE(removed) << removed.error().message();
    }
  }
}

TEST_F(Rtnetlink, routes_of_one_table_are_listed_as_they_were_added) {
  bring_up();
  const auto empty = list_routes(*socket_, kTable);
  ASSERT_TRUE(empty) << empty.error().message();
  EXPECT_TRUE(empty->empty());
  const auto v4 = *Prefix::parse("100.64.0.0/10"), v6 = *Prefix::parse("fd7a:6b6d::/48");
  constexpr auto kUnreachable = reconcile::RouteKind::kUnreachable;
  const std::vector<reconcile::Route> wanted{{v4, here_, kTable},
                                             {v6, here_, kTable},
                                             {v4, IfIndex(0), kTable, kUnreachable, 5000},
                                             {v6, IfIndex(0), kTable, kUnreachable, 5000}};
  for (const auto& route : wanted) {
    const Status added = add_route(*socket_, route);
    ASSERT_TRUE(added) << added.error().message();
    ASSERT_TRUE(add_route(*socket_, route));
  }
  const auto listed = list_routes(*socket_, kTable);
  ASSERT_TRUE(listed);
  EXPECT_TRUE(reconcile::diff_sets(wanted, *listed).empty());
  for (const auto& route : wanted) {
    const Status removed = remove_route(*socket_, route);
    ASSERT_TRUE(removed) << removed.error().message();
    ASSERT_TRUE(remove_route(*socket_, route));
  }
  EXPECT_TRUE(list_routes(*socket_, kTable)->empty());
}

TEST_F(Rtnetlink, routes_that_differ_in_their_mtu_take_each_others_place) {
  bring_up();
  for (const char* text : {"100.64.0.2/32", "fd7a:6b6d::2/128"}) {
    reconcile::Route route{*Prefix::parse(text), here_, kTable};
    route.mtu = 1408;
    ASSERT_TRUE(add_route(*socket_, route)) << text;
    auto listed = list_routes(*socket_, kTable);
    ASSERT_TRUE(listed);
    EXPECT_EQ(*listed, std::vector{route}) << text;
    ASSERT_TRUE(remove_route(*socket_, route));
    route.mtu = 1280;
    const Status added = add_route(*socket_, route);
    ASSERT_TRUE(added) << added.error().message();
    listed = list_routes(*socket_, kTable);
    ASSERT_TRUE(listed);
    EXPECT_EQ(*listed, std::vector{route}) << text;
    ASSERT_TRUE(remove_route(*socket_, route));
  }
}

TEST_F(Rtnetlink, an_unreachable_route_takes_over_when_the_device_route_goes_with_its_link) {
  bring_up();
  const auto peer = *IpAddress::parse("100.64.0.2");
  ASSERT_TRUE(add_address(*socket_, there_, *IpAddress::parse("192.0.2.1"), 24));
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("0.0.0.0/0"), there_, 254}));
  ASSERT_EQ(look_up_route(*socket_, peer)->device, there_);
  ASSERT_TRUE(add_rule(*socket_, {IpFamily::kV4, 5185, kTable}));
  ASSERT_TRUE(add_address(*socket_, here_, *IpAddress::parse("100.64.0.1"), 32));
  const auto range = *Prefix::parse("100.64.0.0/10");
  ASSERT_TRUE(add_route(*socket_, {range, here_, kTable}));
  ASSERT_TRUE(
      add_route(*socket_, {range, IfIndex(0), kTable, reconcile::RouteKind::kUnreachable, 5000}));
  EXPECT_EQ(look_up_route(*socket_, peer)->device, here_) << "the device's route comes first";
  EXPECT_TRUE(foreign_routes_inside(*socket_, range, here_)->empty()) << "it is our own";
  ASSERT_TRUE(set_link_state(*socket_, here_, LinkState::kDown));
  EXPECT_FALSE(look_up_route(*socket_, peer)) << "the host's default route took it";
}

TEST_F(Rtnetlink, default_routes_of_the_main_table_name_their_devices) {
  bring_up();
  EXPECT_TRUE(default_route_devices(*socket_)->empty());
  ASSERT_TRUE(add_address(*socket_, there_, *IpAddress::parse("192.0.2.1"), 24));
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("10.0.0.0/8"), there_, 254}));
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("0.0.0.0/0"), there_, kTable}));
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("::/0"), IfIndex(0), 254,
                                   reconcile::RouteKind::kUnreachable, 5000}));
  EXPECT_TRUE(default_route_devices(*socket_)->empty()) << "none leads anywhere from here";
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("::/0"), here_, 254}));
  EXPECT_EQ(*default_route_devices(*socket_), std::vector{here_});
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("0.0.0.0/0"), there_, 254}));
  std::vector both{here_, there_};
  std::sort(both.begin(), both.end());
  EXPECT_EQ(*default_route_devices(*socket_), both);
}

TEST_F(Rtnetlink, rules_are_listed_with_their_tables_and_removed) {
  for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
    const reconcile::Rule rule{family, 5185, kTable};
    const Status added = add_rule(*socket_, rule);
    ASSERT_TRUE(added) << added.error().message();
    ASSERT_TRUE(add_rule(*socket_, rule));
  }
  const auto ours = [this] {
    auto rules = list_rules(*socket_);
    EXPECT_TRUE(rules) << rules.error().message();
    EXPECT_GT(rules->size(), 4u) << "the kernel's own are listed, too";
    std::erase_if(*rules, [](const auto& rule) { return rule.table != kTable; });
    return *rules;
  };
  const auto rules = ours();
  EXPECT_EQ(rules.size(), 2u);
  for (const auto& rule : rules) {
    const Status removed = remove_rule(*socket_, rule);
    ASSERT_TRUE(removed) << removed.error().message();
  }
  EXPECT_TRUE(ours().empty());
}

TEST_F(Rtnetlink, route_lookup_names_device_source_and_learnt_mtu) {
  bring_up();
  ASSERT_TRUE(add_address(*socket_, here_, *IpAddress::parse("192.0.2.1"), 24));
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("192.0.2.0/24"), here_, 254}));
  const auto answer = look_up_route(*socket_, *IpAddress::parse("192.0.2.9"));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->device, here_);
  EXPECT_EQ(to_string(answer->source), "192.0.2.1");
  EXPECT_FALSE(answer->via) << "a neighbour";
  const auto none = look_up_route(*socket_, *IpAddress::parse("198.51.100.1"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound);
}

TEST_F(Rtnetlink, foreign_routes_inside_a_range_are_found_and_own_or_wider_ones_are_not) {
  bring_up();
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("100.100.100.0/24"), here_, 254}));
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("100.64.0.0/10"), there_, kTable}));
  ASSERT_TRUE(add_route(*socket_, {*Prefix::parse("100.0.0.0/8"), here_, 254}));
  const auto found = foreign_routes_inside(*socket_, *Prefix::parse("100.64.0.0/10"), there_);
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(to_string((*found)[0]), "100.100.100.0/24");
}

TEST_F(Rtnetlink, monitor_reports_what_kind_of_thing_changed) {
  auto monitor = Monitor::open();
  ASSERT_TRUE(monitor) << monitor.error().message();
  EXPECT_FALSE(monitor->drain().any());
  bring_up();
  ASSERT_TRUE(add_rule(*socket_, {IpFamily::kV4, 5185, kTable}));
  pollfd wait{monitor->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&wait, 1, 5000), 1);
  const Changes changes = monitor->drain();
  EXPECT_TRUE(changes.links);
  EXPECT_TRUE(changes.rules);
}

TEST_F(Rtnetlink, private_namespace_outlives_the_thread_and_is_found_again) {
  const std::string name = "kernmesh-test-" + std::to_string(getpid());
  auto made = open_or_create_netns(name);
  ASSERT_TRUE(made) << made.error().message();
  const auto inode = netns_inode(made->get());
  auto again = open_or_create_netns(name);
  ASSERT_TRUE(again);
  EXPECT_EQ(*netns_inode(again->get()), *inode);
  EXPECT_NE(*netns_inode(own_.get()), *inode);
  const Status inside = run_in_netns(made->get(), [&]() -> Status {
    MESH_TRY_ASSIGN(auto socket, RouteSocket::open());
    MESH_TRY_ASSIGN(auto links, list_links(socket));
    if (links.size() != 1) return Error(ErrorCode::kConflict, "expected lo alone");
    return {};
  });
  EXPECT_TRUE(inside) << inside.error().message();
  EXPECT_TRUE(delete_netns(name));
  EXPECT_TRUE(delete_netns(name));
  EXPECT_FALSE(open_netns(name));
}

}  // namespace
}  // namespace kernmesh::netlink
