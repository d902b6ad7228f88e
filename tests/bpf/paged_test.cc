// SPDX-License-Identifier: Apache-2.0
// D14: packets whose headers lie in pages beside the linear part get the verdict, and are rewritten
// to the bytes, of the same packets in one piece. On veth pairs, since test runs make no such
// packet on every kernel:
//   wire1 --- wire0 (underlay_in or access control)    meshu0 (underlay_out) --- under, in a
//   namespace
#include "tests/bpf/paged.h"

#include <fcntl.h>

#include <thread>

#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

constexpr std::size_t kEthernetBytes = 14;

// Interfaces that say nothing of their own accord: what they said would be counted, too.
void make_wire() {
  ASSERT_EQ(system("ip link del wire0 2>/dev/null; ip link add wire0 type veth peer name wire1; "
                   "ip link set wire0 addrgenmode none; ip link set wire1 addrgenmode none; "
                   "sysctl -qw net.ipv6.conf.wire0.router_solicitations=0; "
                   "sysctl -qw net.ipv6.conf.wire1.disable_ipv6=1; "
                   "sysctl -qw net.ipv6.conf.meshu0.disable_ipv6=1; "
                   "ip link set wire0 address 02:00:00:00:00:05; ip link set wire0 up; ip link set "
                   "wire1 up; "
                   "ip addr add 10.0.0.1/24 dev wire0; ip addr add fd00::1/64 dev wire0 nodad; "
                   "ip neigh add 10.0.0.2 lladdr 2:0:0:0:0:9 dev wire0; "
                   "ip neigh add fd00::2 lladdr 2:0:0:0:0:9 dev wire0"),
            0);
}
Bytes to_wire(Bytes frame) {
  const std::uint8_t address[] = {2, 0, 0, 0, 0, 5};
  std::copy(std::begin(address), std::end(address), frame.begin());
  return frame;
}
IfIndex wire() { return IfIndex(if_nametoindex("wire0")); }

// What was counted, as soon as it is `wanted`: counters are written while this thread looks.
template <typename Counted>
std::string counted_until(const std::string& wanted, Counted counted) {
  std::string seen;
  for (int i = 0; i < 2000 && seen != wanted; ++i) {
    const std::string more = counted();
    if (more.empty()) usleep(1000);
    seen += (seen.empty() || more.empty() ? "" : " ") + more;
  }
  return seen;
}

// Sockets of another namespace can be used everywhere, once they are made there.
template <typename Made>
std::unique_ptr<Made> make_in_netns(const char* name, const char* interface) {
  std::unique_ptr<Made> made;
  std::thread([&] {
    const UniqueFd ns(open((std::string("/run/netns/") + name).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(setns(ns.get(), CLONE_NEWNET), 0) << strerror(errno);
    made = std::make_unique<Made>(interface);
  }).join();
  return made;
}

Bytes packet_of(const Bytes& frame) {
  return frame.size() < kEthernetBytes ? Bytes()
                                       : Bytes(frame.begin() + kEthernetBytes, frame.end());
}

class PagedUnderlay : public UnderlayTest {
 protected:
  void SetUp() override {
    UnderlayTest::SetUp();
    make_wire();
    // bpf_redirect_peer() leads into another namespace only.
    ASSERT_EQ(
        system("ip netns del paged 2>/dev/null; ip netns add paged && ip link set under netns "
               "paged && ip -n paged link set under addrgenmode none && ip netns exec paged "
               "sysctl -qw net.ipv6.conf.under.disable_ipv6=1 && ip -n paged link set under up"),
        0);
    ASSERT_TRUE(underlay->attach(wire(), UnderlayProgram::kIn));
    ASSERT_TRUE(underlay->attach(meshu, UnderlayProgram::kOut));
  }
  void TearDown() override {
    UnderlayTest::TearDown();
    ASSERT_EQ(system("ip netns del paged; ip link del wire0"), 0);
  }
  static Frame over_v6(Frame f) {
    f.src = "fd00::2";
    f.dst = "fd00::1";
    return f;
  }
};

TEST_F(PagedUnderlay, D14_inbound_messages_are_delivered_whole) {
  PagedSender neighbour("wire1");
  const LinearGauge gauge(wire());
  const auto inside = make_in_netns<Listener>("paged", "under");
  for (Frame f : {Frame{}, Frame{.payload = message(1, 148)}, Frame{.payload = message(4, 1424)},
                  over_v6({}), over_v6({.payload = message(4, 1424)})}) {
    const TestRun linear = in(f);
    ASSERT_EQ(linear.verdict, kRedirect);
    const std::string reason = counted();
    neighbour.send(to_wire(f.bytes()));
    EXPECT_EQ(counted_until(reason, [this] { return counted(); }), reason) << to_text(f.bytes());
    EXPECT_EQ(gauge.last(), kEthernetBytes) << "the packet was not in pages";
    EXPECT_EQ(to_text(inside->next()), to_text(linear.out));
  }
}

TEST_F(PagedUnderlay, D14_what_is_not_a_peers_message_ends_as_in_one_piece) {
  ASSERT_TRUE(underlay->set_overlay({ip("100.64.0.1"), ip("fd46::1")}));
  PagedSender neighbour("wire1");
  const LinearGauge gauge(wire());
  Frame clear6{.src = "fd00::66", .dst = "fd46::1"};
  for (const Frame& f :
       {Frame{.sport = 7001}, Frame{.sport = 7001, .payload = message(1, 148)},
        Frame{.dport = 4243}, Frame{.payload = Bytes(40, 'x')}, Frame{.dst = "100.64.0.1"}, clear6,
        Frame{.fragment = 0x2000}, Frame{.payload = message(4, 32), .udp_len = 100}}) {
    (void)in(f);
    const std::string reason = counted();
    neighbour.send(to_wire(f.bytes()));
    EXPECT_EQ(counted_until(reason, [this] { return counted(); }), reason) << to_text(f.bytes());
    EXPECT_EQ(gauge.last(), kEthernetBytes);
  }
}

TEST_F(PagedUnderlay, D14_outbound_messages_leave_whole_over_both_families) {
  const auto wireguard = make_in_netns<PagedSender>("paged", "under");
  const LinearGauge gauge(meshu);
  const Listener neighbour("wire1");
  Hop first = v4, second = v6;
  first.interface = second.interface = wire();
  for (const Hop& hop : {first, second}) {
    ASSERT_TRUE(underlay->set_path(peer, {.primary = hop}));
    for (const std::size_t size : {std::size_t{32}, std::size_t{1280}}) {
      const Frame f = sent(message(4, size));
      const TestRun linear = out(f);
      ASSERT_EQ(linear.verdict, kRedirect);
      ASSERT_EQ(counted(), "out_direct");
      wireguard->send(f.bytes());
      EXPECT_EQ(counted_until("out_direct", [this] { return counted(); }), "out_direct");
      EXPECT_EQ(gauge.last(), kEthernetBytes);
      Bytes seen;
      do {
        seen = neighbour.next();  // past neighbour discovery of the interfaces themselves
      } while (!seen.empty() && packet_of(seen).size() != packet_of(linear.out).size());
      EXPECT_EQ(to_text(packet_of(seen)), to_text(packet_of(linear.out)));
    }
  }
}

class PagedAcl : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    enforce(kAdaMay);
    make_wire();
    // The interface's own words would pass the egress hook.
    ASSERT_EQ(system("sysctl -qw net.ipv6.conf.wire0.disable_ipv6=1"), 0);
    ASSERT_TRUE(acl->attach(wire()));
    before = all();
  }
  void TearDown() override {
    AclTest::TearDown();
    ASSERT_EQ(system("ip link del wire0"), 0);
  }
};

TEST_F(PagedAcl, D14_every_verdict_is_that_of_the_packet_in_one_piece) {
  PagedSender tunnel("wire1");
  const LinearGauge gauge(wire());
  const Ends ssh{kUs, kBob, 50000, 22}, closed{kAda, kUs, 40000, 81};
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  const Ends to6{kAda6, kUs6, 40000, 80}, closed6{kAda6, kUs6, 40000, 81};
  Packet bare = udp({kAda, kUs, 40000, 53});
  bare.body.resize(6);
  const std::vector<Packet> cases = {tcp({kAda, kUs, 40000, 80}),
                                     tcp(ssh.back(), kSyn | kAck),
                                     udp({kAda, kUs, 40000, 53}),
                                     tcp(to6),
                                     with(tcp(to6), {{}}),
                                     with(tcp(closed6), {{}, {}}),
                                     tcp({"100.64.0.9", kUs, 1, 80}),
                                     tcp({kAda, "100.64.0.7", 1, 80}),
                                     unreachable({kBob, kUs, 0, 0}, tcp(ssh)),
                                     unreachable({kBob, kUs, 0, 0}, tcp({kUs, kBob, 50001, 22})),
                                     tcp(closed, 0),
                                     bare,
                                     tcp(closed),
                                     udp(closed),
                                     tcp(closed6),
                                     fragment(udp({kAda, kUs, 40000, 53}, 64), {0, 40, 9}),
                                     fragment(udp(closed, 64), {40, 72, 10})};
  for (const Packet& packet : cases) {
    const std::string linear = in(packet).reason;
    tunnel.send(packet.frame());
    // Here the answer really leaves, past the other hook.
    const std::string wanted = linear == "in_refused" ? "in_refused out_refusal" : linear;
    EXPECT_EQ(counted_until(wanted, [this] { return counted(); }), wanted)
        << to_text(packet.frame());
    EXPECT_EQ(gauge.last(), kEthernetBytes);
  }
}

TEST_F(PagedAcl, D14_a_refusal_is_that_of_the_packet_in_one_piece) {
  PagedSender tunnel("wire1");
  const Listener sender("wire1");
  for (const Packet& packet :
       {tcp({kAda, kUs, 40000, 81}), tcp({kAda, kUs, 40000, 81}, TcpHead{.data = 900}),
        udp({kAda, kUs, 40000, 81}, 900), tcp({kAda6, kUs6, 40000, 81})}) {
    const Outcome linear = in(packet);
    ASSERT_EQ(linear.reason, "in_refused");
    tunnel.send(packet.frame());
    Bytes seen;
    do {
      seen = sender.next();
    } while (!seen.empty() && seen.size() != linear.frame.size());
    EXPECT_EQ(to_text(packet_of(seen)), to_text(packet_of(linear.frame)));
    (void)counted();
  }
}

TEST_F(PagedAcl, D14_what_a_node_sends_opens_the_same_flow) {
  // Out of wire0, where a ring sends through the egress hook.
  PagedSender host("wire0");
  host.send(tcp({kUs, kBob, 50007, 22}).frame());
  EXPECT_EQ(counted_until("out_opened", [this] { return counted(); }), "out_opened");
  EXPECT_EQ(in(tcp({kBob, kUs, 22, 50007}, kSyn | kAck)).reason, "in_flow");
}

}  // namespace
}  // namespace kernmesh::bpf::test
