// SPDX-License-Identifier: Apache-2.0
// Packets that are judged by their form before any rule: what is malformed, comes from nobody, or
// is only valid on a link.
#include <time.h>

#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

class AclForm : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    enforce(kAdaMay);
  }
  void expect(const Packet& packet, const std::string& reason, const std::string& what = "") {
    const Outcome outcome = in(packet);
    EXPECT_EQ(outcome.reason, reason) << what << " " << to_text(packet.frame());
    EXPECT_EQ(outcome.verdict, reason == "in_allowed" ? kNext : reason == "in_refused" ? 7 : kDrop);
  }
  const Ends web{}, web6{kAda6, kUs6, 40000, 80};
};

Extension padding(std::size_t bytes) {
  Extension e{kDestinationOptions, Bytes(bytes)};
  e.bytes[1] = static_cast<std::uint8_t>(bytes / 8 - 1);
  return e;
}
Extension routing(std::uint8_t segments_left) {
  return {kRouting, {0, 0, 4, segments_left, 0, 0, 0, 0}};
}
const Extension kHops{kHopByHop, {0, 0, 1, 4, 0, 0, 0, 0}};
const Extension kAuthenticationHeader{kAuthentication, {0, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1}};
const Extension kAtomic{kFragmentHeader, {0, 0, 0, 0, 0, 0, 0, 1}};

TEST_F(AclForm, D2_extension_headers_are_walked_to_the_true_protocol) {
  struct Case {
    std::vector<Extension> chain;
    const char* reason;
  };
  const std::vector<Case> cases = {
      {{kHops}, "in_allowed"},
      {{padding(8)}, "in_allowed"},
      {{padding(2048)}, "in_allowed"},
      {{routing(0)}, "in_allowed"},
      {{routing(1)}, "in_options"},
      {{kAuthenticationHeader}, "in_allowed"},
      {{kAtomic}, "in_allowed"},
      {{kHops, padding(8), routing(0), kAtomic, kAuthenticationHeader, padding(16), padding(8)},
       "in_allowed"},
      {std::vector<Extension>(8, padding(8)), "in_extensions"},
      {std::vector<Extension>(40, padding(8)), "in_extensions"},
      {{padding(8), kHops}, "in_malformed"},
      {{kHops, kHops}, "in_malformed"},
      {{{kDestinationOptions, {0, 255, 1, 4, 0, 0, 0, 0}}}, "in_malformed"},
      {{{kAuthentication, {0, 255, 0, 0, 0, 0, 0, 0}}}, "in_malformed"},
      {{kAtomic, kAtomic}, "in_allowed"},  // neither says that there is more
      {{{kFragmentHeader, {0, 0, 0, 1, 0, 0, 0, 1}}, kAtomic}, "in_malformed"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    expect(with(tcp(web6), cases[i].chain), cases[i].reason, "case " + std::to_string(i));
  }
}

TEST_F(AclForm, D2_what_stands_behind_extension_headers_is_judged_and_not_their_bytes) {
  Packet denied = with(tcp({kAda6, kUs6, 40000, 81}), {padding(8)});
  expect(denied, "in_denied", "and never answered");
  Packet cut = with(tcp(web6), {padding(8)});
  cut.length = 8 + 19;
  expect(cut, "in_malformed");
}

TEST_F(AclForm, D3_is_judged_by_its_own_protocol_only) {
  for (const std::uint8_t protocol : {kIpInIp, std::uint8_t{41}, kGre, std::uint8_t{50},
                                      std::uint8_t{94}, std::uint8_t{137}, std::uint8_t{255}}) {
    expect(other(web, protocol), "in_refused", "port 80 in its bytes is none");
  }
  expect(other(web, kSctp), "in_refused", "80 is open to TCP only");
  expect(sctp({kAda, kUs, 40000, 36412}), "in_allowed");
  expect(other({kAda, kUs, 40000, 36412}, kTcp), "in_refused");
  expect(udp({kAda, kUs, 40000, 80}), "in_refused");
  enforce(R"({"grants": [{"src": ["*"], "dst": ["100.64.0.1"], "ip": ["47:*"]}]})");
  expect(other(web, kGre), "in_allowed");
  expect(other(web, kIpInIp), "in_refused");
  expect(tcp(web), "in_refused");
}

TEST_F(AclForm, D3_each_family_has_its_own_icmp) {
  Packet swapped = echo({kAda, kUs, 7, 0});
  expect(swapped, "in_allowed");
  swapped.protocol = kIcmp6;
  expect(swapped, "in_malformed");
  Packet swapped6 = echo({kAda6, kUs6, 7, 0});
  expect(swapped6, "in_allowed");
  swapped6.protocol = kIcmp;
  expect(swapped6, "in_malformed");
}

TEST_F(AclForm, D4_a_source_that_is_no_peers_drops) {
  enforce(R"({"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}]})");
  for (const char* source : {"100.64.0.9", "8.8.8.8", "10.34.0.1", "127.0.0.1", "0.0.0.0", kUs,
                             "10.1.0.7", "fd7a:115c:a1e0::9", "::1", "::", kUs6, "fd01::5"}) {
    const bool is_v6 = std::string(source).find(':') != std::string::npos;
    expect(tcp({source, is_v6 ? kUs6 : kUs, 40000, 80}), "in_unknown_source");
  }
  expect(tcp({"10.33.4.5", kUs, 40000, 80}), "in_allowed", "a subnet that bob routes");
}

TEST_F(AclForm, D4_addresses_of_a_link_and_of_the_other_family_drop) {
  expect(tcp({"169.254.1.1", kUs, 1, 80}), "in_multicast");
  expect(tcp({"fe80::1", kUs6, 1, 80}), "in_multicast");
  expect(tcp({"febf::1", kUs6, 1, 80}), "in_multicast");
  expect(tcp({"224.0.0.1", kUs, 1, 80}), "in_multicast");
  expect(tcp({"255.255.255.255", kUs, 1, 80}), "in_multicast");
  expect(tcp({"::ffff:100.64.0.2", kUs6, 1, 80}), "in_malformed");
  expect(tcp({kAda6, "::ffff:100.64.0.1", 1, 80}), "in_malformed");
}

TEST_F(AclForm, a_destination_that_is_not_served_drops) {
  enforce(R"({"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}]})");
  expect(tcp({kAda, "10.1.0.9", 1, 80}), "in_allowed", "a subnet of this node");
  expect(tcp({kAda6, "fd01::9", 1, 80}), "in_allowed");
  for (const char* there : {"10.1.1.0", "10.0.255.255", "8.8.8.8", "100.64.0.3", "127.0.0.1"}) {
    expect(tcp({kAda, there, 1, 80}), "in_not_ours");
  }
  for (const char* there : {"fd01:0:0:1::", "fd00:ffff:ffff:ffff::1", "::1", "::"}) {
    expect(tcp({kAda6, there, 1, 80}), "in_not_ours");
  }
}

TEST_F(AclForm, D7_port_ranges_are_exact_at_both_ends) {
  enforce(R"({"grants": [{"src": ["ada@example.com"], "dst": ["100.64.0.1"],
                          "ip": ["tcp:1", "tcp:1000-2000", "tcp:65535"]}]})");
  for (const std::uint16_t open : {1, 1000, 1001, 1999, 2000, 65535}) {
    expect(tcp({kAda, kUs, 0, open}), "in_allowed");
  }
  for (const std::uint16_t closed : {0, 2, 999, 2001, 65534}) {
    expect(tcp({kAda, kUs, 65535, closed}), "in_refused");
  }
}

TEST_F(AclForm, D7_a_wrong_header_drops) {
  const auto broken = [&](auto change) {
    Packet p = tcp(web);
    change(p);
    return p;
  };
  expect(broken([](Packet& p) { p.ttl = 0; }), "in_malformed", "TTL 0");
  expect(broken([](Packet& p) { p.ihl = 4; }), "in_malformed", "header of 16 bytes");
  expect(broken([](Packet& p) { p.ihl = 6; }), "in_options", "options");
  expect(broken([](Packet& p) { p.ihl = 15; }), "in_options", "options");
  expect(broken([](Packet& p) { p.version = 6; }), "in_malformed", "version");
  expect(broken([](Packet& p) { p.length = 41; }), "in_malformed", "longer than the frame");
  expect(broken([](Packet& p) { p.length = 39; }), "in_malformed", "not a whole TCP header");
  expect(broken([](Packet& p) { p.length = 19; }), "in_malformed", "not a whole IP header");
  expect(broken([](Packet& p) { p.ethertype = 0x86dd; }), "in_malformed", "IPv4 said to be IPv6");
  expect(broken([](Packet& p) { p.ethertype = 0x0806; }), "in_malformed", "ARP");
}

TEST_F(AclForm, D7_a_wrong_ipv6_header_drops) {
  const auto broken = [&](auto change) {
    Packet p = tcp(web6);
    change(p);
    return p;
  };
  expect(broken([](Packet& p) { p.ttl = 0; }), "in_malformed", "hop limit 0");
  expect(broken([](Packet& p) { p.version = 4; }), "in_malformed", "version");
  expect(broken([](Packet& p) { p.length = 21; }), "in_malformed", "longer than the frame");
  expect(broken([](Packet& p) { p.length = 0; }), "in_malformed", "a jumbogram");
  expect(broken([](Packet& p) { p.ethertype = 0x0800; }), "in_malformed", "said to be IPv4");
}

TEST_F(AclForm, D7_bytes_behind_the_packet_are_not_the_packets) {
  Packet padded = tcp(web);
  padded.length = 40;
  padded.body.resize(80, 0xee);
  expect(padded, "in_allowed");
}

TEST_F(AclForm, D7_a_wrong_transport_header_drops) {
  expect(tcp(web, TcpHead{.offset = 4}), "in_malformed", "TCP header of 16 bytes");
  Packet long_header = tcp(web);
  long_header.body[12] = 6 << 4;
  expect(long_header, "in_malformed", "TCP options past the end");
  expect(tcp(web, TcpHead{.offset = 15}), "in_allowed");
  const Ends dns{kAda, kUs, 40000, 53};
  Packet datagram = udp(dns, 0);
  expect(datagram, "in_allowed");
  datagram.body[5] = 7;
  expect(datagram, "in_malformed", "UDP shorter than its header");
  datagram.body[5] = 9;
  expect(datagram, "in_malformed", "UDP longer than the packet");
  for (Packet p : {udp(dns), echo({kAda, kUs, 7, 0}), sctp({kAda, kUs, 40000, 36412})}) {
    p.body.resize(7);
    expect(p, "in_malformed", "7 bytes of a transport header");
  }
}

TEST_F(AclForm, D8_multicast_and_broadcast_drop_though_everything_is_open) {
  enforce(R"({"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"]}]})");
  for (const char* group : {"224.0.0.1", "239.255.255.255", "255.255.255.255", "169.254.7.7"}) {
    expect(udp({kAda, group, 5353, 5353}), "in_multicast");
  }
  for (const char* group : {"ff02::1", "ff0e::7", "fe80::1"}) {
    expect(udp({kAda6, group, 5353, 5353}), "in_multicast");
  }
}

TEST_F(AclForm, D8_neighbour_and_router_messages_drop_though_everything_is_open) {
  enforce(R"({"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*", "1:*", "58:*"]}]})");
  for (const std::uint8_t type : {130, 131, 132, 133, 134, 135, 136, 137, 143}) {
    expect(icmp({kAda6, kUs6, 0, 0}, type), "in_neighbour");
  }
  for (const std::uint8_t type : {5, 9, 10}) {
    expect(icmp({kAda, kUs, 0, 0}, type), "in_neighbour");
  }
}

TEST_F(AclForm, D14_a_merged_packet_is_judged_as_a_single_one) {
  __sk_buff merged{};
  merged.gso_size = 1000;
  merged.gso_segs = 3;
  const TcpHead much{.flags = kAck, .data = 2900};
  EXPECT_EQ(in(tcp(web, much), merged).reason, "in_allowed");
  const Outcome denied = in(tcp({kAda, kUs, 40000, 81}, much), merged);
  EXPECT_TRUE(denied == "in_denied" || denied == "in_refused") << denied.reason;
  EXPECT_NE(denied.verdict, kNext);
  EXPECT_EQ(in(tcp(web6, much), merged).reason, "in_allowed");
  EXPECT_NE(in(tcp({kAda6, kUs6, 40000, 81}, much), merged).verdict, kNext);
  EXPECT_EQ(in(udp({kAda, kUs, 9, 53}, 2900), merged).reason, "in_allowed");
  EXPECT_NE(in(udp({kAda, kUs, 9, 54}, 2900), merged).verdict, kNext);
}

TEST_F(AclForm, D14_a_vlan_tag_in_front_is_no_way_around) {
  Packet tagged = tcp(web);
  tagged.ethertype = 0x8100;
  tagged.body.insert(tagged.body.begin(), {0, 1, 8, 0});
  EXPECT_EQ(in(tagged).verdict, kDrop);
  EXPECT_EQ(out(tagged).verdict, kDrop);
}

class AclD12 : public AclTest {};

TEST_F(AclD12, nothing_passes_before_the_first_policy) {
  for (const Packet& p : {tcp({}), udp({kAda, kUs, 1, 53}), echo({kAda6, kUs6, 1, 0})}) {
    EXPECT_EQ(in(p).reason, "in_not_armed");
    EXPECT_EQ(out(p).reason, "out_not_armed");
    EXPECT_EQ(in(p).verdict, kDrop);
    EXPECT_EQ(out(p).verdict, kDrop);
  }
}

TEST_F(AclD12, nothing_passes_once_the_policy_is_taken_away) {
  enforce(kAdaMay);
  EXPECT_EQ(in(tcp({})).reason, "in_allowed");
  ASSERT_TRUE(acl->disarm());
  EXPECT_EQ(in(tcp({})).reason, "in_not_armed");
  EXPECT_EQ(out(tcp(Ends{}.back())).reason, "out_not_armed");
}

TEST_F(AclD12, an_image_of_another_version_is_no_policy) {
  auto image = image_of(kAdaMay);
  image[0].w[0] = MESH_ABI_VERSION + 1;
  ASSERT_TRUE(acl->switch_to(image));
  EXPECT_EQ(in(tcp({})).reason, "in_not_armed");
}

TEST_F(AclD12, everything_drops_from_the_time_that_the_policy_may_not_be_older_than) {
  enforce(kAdaMay);
  ASSERT_TRUE(acl->set({.deny_after = MonoTime(std::chrono::nanoseconds(1))}));
  EXPECT_EQ(in(tcp({})).reason, "in_stale");
  EXPECT_EQ(out(tcp(Ends{}.back())).reason, "out_stale");
  ASSERT_TRUE(acl->set({.deny_after = MonoTime(std::chrono::hours(1'000'000))}));
  EXPECT_EQ(in(tcp({})).reason, "in_allowed");
}

TEST_F(AclD12, time_goes_on_while_the_machine_sleeps) {
  enforce(kAdaMay);
  timespec now{};
  ASSERT_EQ(clock_gettime(CLOCK_BOOTTIME, &now), 0);
  const MonoTime boot(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  ASSERT_TRUE(acl->set({.deny_after = boot - std::chrono::milliseconds(1)}));
  EXPECT_EQ(in(tcp({})).reason, "in_stale");
  ASSERT_TRUE(acl->set({.deny_after = boot + std::chrono::minutes(1)}));
  EXPECT_EQ(in(tcp({})).reason, "in_allowed");
}

}  // namespace
}  // namespace kernmesh::bpf::test
