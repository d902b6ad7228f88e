// SPDX-License-Identifier: Apache-2.0
// Whole packets through a NAT: addresses and ports change, checksums stay right, errors find home.
#include "tests/nat/translation.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace kernmesh::nat {
namespace {

const MonoTime kNow{std::chrono::hours(1)};
Endpoint at(const char* text) { return *Endpoint::parse(text); }
const Endpoint kInner = at("192.168.1.2:4500"), kRemote = at("198.51.100.1:3478"),
               kOther = at("198.51.100.2:53");
const IpAddress kOuter = at("203.0.113.1:0").address;
const path::NatKind kHard{path::Dependence::kAddressAndPort, path::Dependence::kAddressAndPort,
                          path::PortChoice::kRandom};

std::uint16_t word(const Bytes& p, std::size_t i) {
  return static_cast<std::uint16_t>(p[i] << 8 | p[i + 1]);
}
std::uint32_t sum_of(const Bytes& p, std::size_t from, std::size_t to, std::uint32_t start = 0) {
  std::uint32_t sum = start;
  for (std::size_t i = from; i < to; ++i)
    sum += static_cast<std::uint32_t>((i - from) % 2 == 0 ? p[i] << 8 : p[i]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}
void put_sum(Bytes& p, std::size_t at, std::uint32_t sum) {
  p[at] = static_cast<std::uint8_t>(~sum >> 8);
  p[at + 1] = static_cast<std::uint8_t>(~sum);
}
std::size_t sum_at(std::uint8_t protocol) {
  return protocol == IPPROTO_UDP ? 26 : protocol == IPPROTO_TCP ? 36 : 22;
}
std::uint32_t pseudo(const Bytes& p) {
  if (p[9] == IPPROTO_ICMP) return 0;
  return sum_of(p, 12, 20, p[9] + static_cast<std::uint32_t>(p.size() - 20));
}

Bytes packet(std::uint8_t protocol, const Endpoint& from, const Endpoint& to, Bytes body) {
  Bytes p{0x45,     0, 0, static_cast<std::uint8_t>(20 + body.size()), 0, 1, 0x40, 0, 64,
          protocol, 0, 0};
  for (const auto& end : {from, to})
    p.insert(p.end(), end.address.bytes().begin(), end.address.bytes().begin() + 4);
  put_sum(p, 10, sum_of(p, 0, 20));
  p.insert(p.end(), body.begin(), body.end());
  put_sum(p, sum_at(protocol), sum_of(p, 20, p.size(), pseudo(p)));
  return p;
}
Bytes ports(const Endpoint& from, const Endpoint& to) {
  Bytes b;
  put_number(b, from.port.value(), 2);
  put_number(b, to.port.value(), 2);
  return b;
}
Bytes udp(const Endpoint& from, const Endpoint& to) {
  Bytes b = ports(from, to);
  put_number(b, 13, 2);
  put_bytes(b, Bytes{0, 0, 'h', 'e', 'l', 'l', 'o'});
  return packet(IPPROTO_UDP, from, to, b);
}
Bytes tcp(const Endpoint& from, const Endpoint& to) {
  Bytes b = ports(from, to);
  b.resize(20);
  b[12] = 0x50;
  put_bytes(b, Bytes{'o', 'd', 'd'});
  return packet(IPPROTO_TCP, from, to, b);
}
Bytes echo(std::uint8_t type, const Endpoint& from, const Endpoint& to, Port id) {
  Bytes b{type, 0, 0, 0};
  put_number(b, id.value(), 2);
  put_bytes(b, Bytes{0, 1, 'x'});
  return packet(IPPROTO_ICMP, from, to, b);
}
// "Port unreachable" about a packet's first 28 bytes.
Bytes error(const Endpoint& from, const Endpoint& to, const Bytes& about) {
  Bytes b{3, 3, 0, 0, 0, 0, 0, 0};
  b.insert(b.end(), about.begin(), about.begin() + 28);
  return packet(IPPROTO_ICMP, from, to, b);
}

Endpoint end_at(const Bytes& p, std::size_t address, std::size_t port) {
  return {IpAddress::from_v4_bytes({p[address], p[address + 1], p[address + 2], p[address + 3]}),
          Port(word(p, port))};
}
Endpoint source(const Bytes& p) { return end_at(p, 12, 20); }
Endpoint destination(const Bytes& p) { return end_at(p, 16, 22); }
void expect_sums(const Bytes& p) {
  EXPECT_EQ(sum_of(p, 0, 20), 0xffffU);
  EXPECT_EQ(sum_of(p, 20, p.size(), pseudo(p)), 0xffffU);
}

TEST(Translation, udp_and_tcp_go_out_and_answers_come_back) {
  for (const auto& make : {udp, tcp}) {
    Translation nat(kHard, kOuter, 1);
    const auto out = nat.outbound(kNow, make(kInner, kRemote));
    ASSERT_TRUE(out);
    EXPECT_EQ(out->to, Side::kOutside);
    EXPECT_EQ(source(out->packet).address, kOuter);
    EXPECT_EQ(destination(out->packet), kRemote);
    expect_sums(out->packet);
    const auto back = nat.inbound(kNow, make(kRemote, source(out->packet)));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->to, Side::kInside);
    EXPECT_EQ(destination(back->packet), kInner);
    EXPECT_EQ(source(back->packet), kRemote);
    expect_sums(back->packet);
    EXPECT_FALSE(nat.inbound(kNow, make(kOther, source(out->packet))));
  }
}

TEST(Translation, a_datagram_without_checksum_stays_without) {
  Translation nat(kHard, kOuter, 1);
  Bytes p = udp(kInner, kRemote);
  p[26] = p[27] = 0;
  const auto out = nat.outbound(kNow, p);
  ASSERT_TRUE(out);
  EXPECT_EQ(word(out->packet, 26), 0);
}

TEST(Translation, an_echo_is_answered_under_its_own_identifier) {
  Translation nat(kHard, kOuter, 1);
  const auto out = nat.outbound(kNow, echo(8, kInner, kRemote, Port(77)));
  ASSERT_TRUE(out);
  expect_sums(out->packet);
  const Port outer(word(out->packet, 24));
  const auto back = nat.inbound(kNow, echo(0, kRemote, {kOuter, Port()}, outer));
  ASSERT_TRUE(back);
  EXPECT_EQ(word(back->packet, 24), 77);
  EXPECT_EQ(end_at(back->packet, 16, 20).address, kInner.address);
  expect_sums(back->packet);
  EXPECT_FALSE(nat.inbound(kNow, echo(8, kRemote, {kOuter, Port()}, outer)));
}

TEST(Translation, an_error_from_the_way_comes_back_to_who_sent_the_packet) {
  Translation nat(kHard, kOuter, 1);
  const auto out = nat.outbound(kNow, udp(kInner, kRemote));
  ASSERT_TRUE(out);
  const auto back = nat.inbound(kNow, error(kOther, {kOuter, Port()}, out->packet));
  ASSERT_TRUE(back);
  expect_sums(back->packet);
  EXPECT_EQ(end_at(back->packet, 16, 22).address, kInner.address);
  const Bytes about(back->packet.begin() + 28, back->packet.end());
  EXPECT_EQ(source(about), kInner);
  EXPECT_EQ(destination(about), kRemote);
  EXPECT_EQ(sum_of(about, 0, 20), 0xffffU);
}

TEST(Translation, an_error_about_what_was_never_sent_ends_here) {
  Translation nat(kHard, kOuter, 1);
  EXPECT_FALSE(nat.inbound(kNow, error(kOther, {kOuter, Port()}, udp({kOuter, Port(9)}, kRemote))));
}

TEST(Translation, an_error_from_inside_speaks_of_the_outer_address) {
  Translation nat(kHard, kOuter, 1);
  const auto out = nat.outbound(kNow, udp(kInner, kRemote));
  ASSERT_TRUE(out);
  const Endpoint outer = source(out->packet);
  const auto in = nat.inbound(kNow, udp(kRemote, outer));
  ASSERT_TRUE(in);
  const auto refusal = nat.outbound(kNow, error(kInner, kRemote, in->packet));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(end_at(refusal->packet, 12, 20).address, kOuter);
  const Bytes about(refusal->packet.begin() + 28, refusal->packet.end());
  EXPECT_EQ(destination(about), outer);
  expect_sums(refusal->packet);
}

TEST(Translation, turns_a_packet_to_its_own_outer_address_back_only_with_hairpin) {
  const Endpoint neighbour = at("192.168.1.3:4500");
  for (const bool hairpin : {false, true}) {
    path::NatKind kind;
    kind.hairpin = hairpin;
    Translation nat(kind, kOuter, 1);
    const auto out = nat.outbound(kNow, udp(neighbour, kRemote));
    ASSERT_TRUE(out);
    const Endpoint seen = source(out->packet);
    const auto turned = nat.outbound(kNow, udp(kInner, seen));
    ASSERT_EQ(turned.has_value(), hairpin);
    if (!hairpin) continue;
    EXPECT_EQ(turned->to, Side::kInside);
    EXPECT_EQ(destination(turned->packet), neighbour);
    EXPECT_EQ(source(turned->packet).address, kOuter);
    expect_sums(turned->packet);
  }
}

TEST(Translation, blocks_udp_and_passes_tcp_when_told_so) {
  Translation nat({}, kOuter, 1, Udp::kBlocked);
  EXPECT_FALSE(nat.outbound(kNow, udp(kInner, kRemote)));
  EXPECT_TRUE(nat.outbound(kNow, tcp(kInner, kRemote)));
}

TEST(Translation, takes_nothing_that_is_cut_or_a_later_fragment) {
  Translation nat({}, kOuter, 1);
  const Bytes whole = udp(kInner, kRemote);
  for (std::size_t size = 0; size < 28; ++size)
    EXPECT_FALSE(nat.outbound(kNow, Bytes(whole.begin(), whole.begin() + static_cast<int>(size))));
  Bytes later = whole;
  later[7] = 5;
  EXPECT_FALSE(nat.outbound(kNow, later));
  Bytes v6 = whole;
  v6[0] = 0x65;
  EXPECT_FALSE(nat.outbound(kNow, v6));
}

TEST(Translation, after_a_rebind_only_the_new_address_leads_inside) {
  Translation nat({}, kOuter, 1);
  const auto before = nat.outbound(kNow, udp(kInner, kRemote));
  const IpAddress later = at("203.0.113.9:0").address;
  nat.rebind(later);
  EXPECT_FALSE(nat.inbound(kNow, udp(kRemote, source(before->packet))));
  const auto after = nat.outbound(kNow, udp(kInner, kRemote));
  ASSERT_TRUE(after);
  EXPECT_EQ(source(after->packet).address, later);
  EXPECT_TRUE(nat.inbound(kNow, udp(kRemote, source(after->packet))));
}

}  // namespace
}  // namespace kernmesh::nat
