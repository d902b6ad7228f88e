// SPDX-License-Identifier: Apache-2.0
// What a neighbour sends in the clear to an address that this node has inside the mesh.
#include "tests/bpf/underlay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

class Plaintext : public UnderlayTest {
 protected:
  void SetUp() override {
    UnderlayTest::SetUp();
    ASSERT_NE(underlay, nullptr);
    ASSERT_TRUE(underlay->set_overlay({ip("100.64.0.1"), ip("fd46::1")}));
  }
  // The data of a frame with 802.1Q or 802.1ad tags that the kernel has not taken off.
  static Bytes tagged(Bytes frame, int tags) {
    for (int i = 0; i < tags; ++i) frame.insert(frame.begin() + 12, {0x81, 0x00, 0x00, 0x0a});
    return frame;
  }
};

Frame to_overlay(const char* destination) {
  Frame f{.dst = destination, .dport = 53};
  if (f.dst.find(':') != std::string::npos) f.src = "fd00::66";
  f.payload = Bytes(32, 'x');
  return f;
}

TEST_F(Plaintext, is_dropped_whatever_it_carries) {
  struct Case {
    const char* what;
    Frame frame;
  };
  for (const char* address : {"100.64.0.1", "fd46::1"}) {
    SCOPED_TRACE(address);
    std::vector<Case> cases = {{"UDP", to_overlay(address)},
                               {"TCP", to_overlay(address)},
                               {"ICMP", to_overlay(address)},
                               {"an unknown protocol or header", to_overlay(address)},
                               {"WireGuard to the public port", to_overlay(address)},
                               {"UDP of a wrong length", to_overlay(address)}};
    cases[1].frame.protocol = 6;
    cases[2].frame.protocol = cases[2].frame.v6() ? 58 : 1;
    cases[3].frame.protocol = 253;
    cases[4].frame.dport = kPublic;
    cases[4].frame.payload = message(4, 64);
    cases[5].frame.udp_len = 7;
    for (const Case& c : cases) {
      SCOPED_TRACE(c.what);
      EXPECT_EQ(in(c.frame).verdict, kDrop);
      EXPECT_EQ(counted(), "in_plaintext");
    }
  }
}

TEST_F(Plaintext, is_dropped_with_options_and_in_fragments) {
  for (const Frame& f :
       {Frame{.dst = "100.64.0.1", .ihl = 6}, Frame{.dst = "100.64.0.1", .ihl = 15},
        Frame{.dst = "100.64.0.1", .fragment = 0x2000},
        Frame{.dst = "100.64.0.1", .fragment = 0x00b9},
        Frame{.src = "fd00::66", .dst = "fd46::1", .protocol = 44},
        Frame{.src = "fd00::66", .dst = "fd46::1", .protocol = 0}}) {
    EXPECT_EQ(in(f).verdict, kDrop);
    EXPECT_EQ(counted(), "in_plaintext");
  }
}

TEST_F(Plaintext, is_dropped_under_vlan_tags) {
  for (const char* address : {"100.64.0.1", "fd46::1"}) {
    for (const int tags : {1, 2}) {
      SCOPED_TRACE(std::string(address) + " under " + std::to_string(tags));
      const Bytes frame = tagged(to_overlay(address).bytes(), tags);
      EXPECT_EQ(run(underlay->program_fd("underlay_in"), frame).verdict, kDrop);
      EXPECT_EQ(counted(), "in_plaintext");
    }
  }
}

TEST_F(Plaintext, is_dropped_from_known_peers_and_from_this_nodes_own_addresses) {
  for (const char* source : {"10.0.0.2", "10.0.0.1", "100.64.0.1", "100.64.0.2", "127.0.0.1"}) {
    SCOPED_TRACE(source);
    Frame f = to_overlay("100.64.0.1");
    f.src = source;
    EXPECT_EQ(in(f).verdict, kDrop);
    EXPECT_EQ(counted(), "in_plaintext");
  }
}

// eth_type_trans() marks a frame by its destination MAC; IP takes all but those for another host.
TEST_F(Plaintext, is_dropped_in_a_broadcast_frame_and_left_alone_in_one_for_another_host) {
  Bytes frame = to_overlay("100.64.0.1").bytes();
  std::fill_n(frame.begin(), 6, std::uint8_t{0xff});
  EXPECT_EQ(run(underlay->program_fd("underlay_in"), frame).verdict, kDrop);
  EXPECT_EQ(counted(), "in_plaintext");
  std::fill_n(frame.begin(), 6, std::uint8_t{0x02});
  EXPECT_EQ(run(underlay->program_fd("underlay_in"), frame).verdict, kNext);
  EXPECT_EQ(counted(), "in_pass");
}

// What a host that forwards would carry into the mesh as its own.
TEST_F(Plaintext, is_dropped_in_this_nodes_name_on_its_way_to_a_peer) {
  for (const Frame& f : {Frame{.src = "100.64.0.1", .dst = "100.64.0.2"},
                         Frame{.src = "fd46::1", .dst = "fd46::2"}}) {
    EXPECT_EQ(in(f).verdict, kDrop);
    EXPECT_EQ(counted(), "in_plaintext");
    EXPECT_EQ(run(underlay->program_fd("underlay_in"), tagged(f.bytes(), 1)).verdict, kDrop);
    EXPECT_EQ(counted(), "in_plaintext");
  }
}

TEST_F(Plaintext, to_other_addresses_is_the_hosts_business) {
  for (const char* address : {"100.64.0.2", "10.0.0.1", "fd46::2", "fd00::1"}) {
    SCOPED_TRACE(address);
    const Frame f = to_overlay(address);
    const TestRun r = in(f);
    EXPECT_EQ(r.verdict, kNext);
    EXPECT_EQ(r.out, f.bytes());
    EXPECT_EQ(counted(), "in_pass");
  }
  const Bytes other = tagged(to_overlay("10.0.0.1").bytes(), 2);
  EXPECT_EQ(run(underlay->program_fd("underlay_in"), other).verdict, kNext);
}

TEST_F(Plaintext, follows_the_nodes_addresses) {
  ASSERT_TRUE(underlay->set_overlay({ip("100.64.0.9")}));
  EXPECT_EQ(in(to_overlay("100.64.0.9")).verdict, kDrop);
  EXPECT_EQ(in(to_overlay("100.64.0.1")).verdict, kNext);
  EXPECT_EQ(in(to_overlay("fd46::1")).verdict, kNext);
}

TEST_F(Plaintext, stays_shut_out_when_the_hosts_other_addresses_change) {
  ASSERT_TRUE(underlay->set_locals({ip("10.0.0.3")}));
  EXPECT_EQ(in(to_overlay("100.64.0.1")).verdict, kDrop);
  // An administrator who gives it to another interface as well opens nothing.
  ASSERT_TRUE(underlay->set_locals({ip("10.0.0.1"), ip("100.64.0.1")}));
  EXPECT_EQ(in(to_overlay("100.64.0.1")).verdict, kDrop);
  ASSERT_TRUE(underlay->set_overlay({ip("100.64.0.1"), ip("fd46::1")}));
  (void)counted();
  in({});
  EXPECT_EQ(counted(), "in_address") << "the underlay's own addresses stay";
}

TEST_F(Plaintext, stays_shut_out_when_an_agent_follows_another) {
  auto next = Underlay::open({.instance = "test", .max_peers = 64});
  ASSERT_TRUE(next) << next.error().message();
  ASSERT_TRUE(next->set_locals({ip("10.0.0.1")}));
  EXPECT_EQ(run(next->program_fd("underlay_in"), to_overlay("100.64.0.1").bytes()).verdict, kDrop);
}

}  // namespace
}  // namespace kernmesh::bpf::test
