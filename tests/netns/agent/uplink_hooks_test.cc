// SPDX-License-Identifier: Apache-2.0
// The inbound program on interfaces of a network namespace that each test makes for itself.
#include "controller/agent/uplink_hooks.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "bpf/abi/addr.h"
#include "controller/bpf/map.h"

namespace kernmesh::agent {
namespace {

using bpf::UnderlayProgram;

class UplinkHooksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "run as root";
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr), 0);
    ASSERT_EQ(std::system("ip link add up0 type veth peer name up1 && ip link set up0 up && "
                          "ip link set up1 up"),
              0);
    up0_ = IfIndex(if_nametoindex("up0"));
    up1_ = IfIndex(if_nametoindex("up1"));
    auto socket = netlink::RouteSocket::open();
    ASSERT_TRUE(socket) << socket.error().message();
    socket_.emplace(std::move(*socket));
    auto opened = bpf::Underlay::open({.instance = "hooks-test", .max_peers = 64});
    ASSERT_TRUE(opened) << opened.error().message();
    underlay_.emplace(std::move(*opened));
  }
  void TearDown() override {
    if (underlay_) {
      EXPECT_TRUE(underlay_->remove());
    }
  }

  static reconcile::Uplinks on(std::vector<IfIndex> interfaces) {
    reconcile::Uplinks uplinks;
    for (const auto index : interfaces) {
      reconcile::Interface interface;
      interface.index = index;
      uplinks.interfaces.push_back(interface);
    }
    uplinks.addresses = {*IpAddress::parse("192.0.2.1")};
    return uplinks;
  }
  Status follow(const reconcile::Uplinks& uplinks) {
    return hooks_.follow(*underlay_, *socket_, uplinks);
  }
  bool has_program(IfIndex interface) const {
    const auto state = underlay_->query(interface, UnderlayProgram::kIn);
    EXPECT_TRUE(state) << state.error().message();
    return state && state->attached;
  }

  IfIndex up0_, up1_;
  std::optional<netlink::RouteSocket> socket_;
  std::optional<bpf::Underlay> underlay_;
  UplinkHooks hooks_{{IfIndex(1000)}};
};

TEST_F(UplinkHooksTest, go_where_the_uplinks_are_and_leave_what_an_earlier_agent_had) {
  ASSERT_TRUE(underlay_->attach(up1_, UnderlayProgram::kIn));
  ASSERT_TRUE(follow(on({up0_})));
  ASSERT_TRUE(hooks_.keep_attached(*underlay_));
  EXPECT_TRUE(has_program(up0_));
  EXPECT_FALSE(has_program(up1_));
}

TEST_F(UplinkHooksTest, an_interface_that_could_not_be_left_is_left_the_next_time) {
  ASSERT_TRUE(follow(on({up0_, up1_})));
  ASSERT_TRUE(hooks_.keep_attached(*underlay_));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status failed = follow(on({up0_}));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(failed);
  ASSERT_TRUE(has_program(up1_));
  ASSERT_TRUE(follow(on({up0_})));
  EXPECT_FALSE(has_program(up1_));
}

TEST_F(UplinkHooksTest, one_interface_that_refuses_keeps_no_other_from_its_program) {
  ASSERT_TRUE(follow(on({IfIndex(9999), up0_})));
  EXPECT_FALSE(hooks_.keep_attached(*underlay_));
  EXPECT_TRUE(has_program(up0_));
}

TEST_F(UplinkHooksTest, a_link_of_a_kind_that_carries_no_paths_is_nothing_to_leave) {
  // link/infiniband, as `ib0` has it.
  ASSERT_EQ(std::system("ip tuntap add dev odd0 mode tun && python3 -c '"
                        "import fcntl, os, struct\n"
                        "fd = os.open(\"/dev/net/tun\", os.O_RDWR)\n"
                        "fcntl.ioctl(fd, 0x400454ca, struct.pack(\"16sH22x\", b\"odd0\", 0x1001))\n"
                        "fcntl.ioctl(fd, 0x400454cd, 32)'"),
            0);
  const Status followed = follow(on({up0_}));
  EXPECT_TRUE(followed) << followed.error().message();
}

TEST_F(UplinkHooksTest, more_addresses_than_there_is_room_for_leave_room_for_the_meshs_own) {
  auto uplinks = on({up0_});
  uplinks.addresses.clear();
  for (std::uint32_t i = 0; i < 1500; ++i)
    uplinks.addresses.push_back(IpAddress::from_v4_number(0x0a010000 + i));
  const Status followed = follow(uplinks);
  EXPECT_TRUE(followed) << followed.error().message();
  ASSERT_TRUE(hooks_.keep_attached(*underlay_));
  EXPECT_TRUE(has_program(up0_));
  const bpf::Map<mesh_addr, std::uint32_t> locals(underlay_->map_fd("locals"), "locals");
  const auto written = locals.dump();
  ASSERT_TRUE(written) << written.error().message();
  EXPECT_EQ(written->size(), underlay_->most_locals());
  EXPECT_GT(underlay_->most_locals(), 1000u);
  EXPECT_TRUE(
      underlay_->set_overlay({*IpAddress::parse("100.64.0.1"), *IpAddress::parse("fd7a::1")}));
}

}  // namespace
}  // namespace kernmesh::agent
