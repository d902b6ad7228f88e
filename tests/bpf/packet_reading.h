// SPDX-License-Identifier: Apache-2.0
// Reads a frame back the slow way, one field after the other, to print it and to hold the programs'
// own reading against (test support). Shares nothing with the programs nor with the builder.
#pragma once

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string>

#include "controller/base/ip.h"
#include "tests/bpf/packet.h"

namespace kernmesh::bpf::test {

struct Reading {
  std::string fault;  // not empty: why the packet must not pass; what stands below may be missing
  IpAddress src, dst;
  std::uint8_t protocol = 0;
  std::uint16_t sport = 0, dport = 0;  // ICMP: identifier and 0
  std::uint8_t flags = 0, code = 0;    // TCP: flags; ICMP: type and code
  bool is_first_fragment = false, is_later_fragment = false;
  std::uint32_t fragment_id = 0;
  std::size_t fragment_offset = 0;
  Bytes body;  // what the IP header says is the packet's, from the transport header on

  bool is_icmp() const { return protocol == kIcmp || protocol == kIcmp6; }
};

class FrameReader {
 public:
  static Reading read(const Bytes& frame) {
    if (frame.size() < 14) return {.fault = "no Ethernet header"};
    FrameReader reader(Bytes(frame.begin() + 14, frame.end()));
    reader.read_network(get16(frame, 12));
    return reader.r_;
  }
  // A packet that an ICMP error quotes, which may be cut after 8 bytes of its transport header.
  static Reading read_quote(const Bytes& quote, bool is_v6) {
    FrameReader reader(quote);
    reader.is_quote_ = true;
    reader.read_network(is_v6 ? 0x86dd : 0x0800);
    return reader.r_;
  }

 private:
  explicit FrameReader(Bytes packet) : p_(std::move(packet)) {}

  void fail(const char* fault) {
    if (r_.fault.empty()) r_.fault = fault;
  }
  void read_network(unsigned ethertype) {
    if (ethertype == 0x0800) {
      read_v4();
    } else if (ethertype == 0x86dd) {
      read_v6();
    } else {
      fail("neither IPv4 nor IPv6");
    }
    if (!r_.fault.empty() || r_.is_later_fragment) return;
    read_transport();
  }
  void keep_body(std::size_t from, std::size_t to) {
    if (is_quote_) to = std::max(from, p_.size());
    if (from > to || to > p_.size()) return fail("shorter than its length");
    r_.body = Bytes(p_.begin() + static_cast<std::ptrdiff_t>(from),
                    p_.begin() + static_cast<std::ptrdiff_t>(to));
  }
  void set_fragment(std::size_t offset, bool more, std::uint32_t id) {
    r_.fragment_offset = offset;
    r_.fragment_id = id;
    r_.is_later_fragment = offset > 0;
    r_.is_first_fragment = offset == 0 && more;
  }
  void read_v4() {
    if (p_.size() < 20) return fail("shorter than an IPv4 header");
    std::array<std::uint8_t, 4> a{}, b{};
    std::copy_n(p_.begin() + 12, 4, a.begin());
    std::copy_n(p_.begin() + 16, 4, b.begin());
    r_.src = IpAddress::from_v4_bytes(a);
    r_.dst = IpAddress::from_v4_bytes(b);
    r_.protocol = p_[9];
    if (p_[0] != 0x45) return fail("not version 4, or options");
    if (p_[8] == 0 && !is_quote_) return fail("no time to live");
    const unsigned bits = get16(p_, 6);
    set_fragment((bits & 0x1fff) * 8, (bits & 0x2000) != 0, get16(p_, 4));
    keep_body(20, get16(p_, 2));
  }
  void read_v6() {
    if (p_.size() < 40) return fail("shorter than an IPv6 header");
    std::array<std::uint8_t, 16> a{}, b{};
    std::copy_n(p_.begin() + 8, 16, a.begin());
    std::copy_n(p_.begin() + 24, 16, b.begin());
    r_.src = IpAddress::from_v6_bytes(a);
    r_.dst = IpAddress::from_v6_bytes(b);
    r_.protocol = p_[6];
    if (p_[0] >> 4 != 6) return fail("not version 6");
    if (p_[7] == 0 && !is_quote_) return fail("no hops left");
    if (r_.src.is_v4_mapped() || r_.dst.is_v4_mapped()) return fail("an IPv4 address as IPv6");
    std::size_t at = 40;
    const std::size_t end = is_quote_ ? p_.size() : 40 + get16(p_, 4);
    for (int count = 0; is_header(r_.protocol) && !r_.is_later_fragment; ++count) {
      if (is_quote_ || count == 7) return fail("too many headers");
      if (at + 8 > end || end > p_.size()) return fail("headers past the end");
      at += pass_header(at);
    }
    keep_body(at, end);
  }
  static bool is_header(std::uint8_t protocol) {
    return protocol == kHopByHop || protocol == kRouting || protocol == kFragmentHeader ||
           protocol == kAuthentication || protocol == kDestinationOptions;
  }
  std::size_t pass_header(std::size_t at) {
    const std::uint8_t kind = r_.protocol;
    r_.protocol = p_[at];
    if (kind == kRouting && p_[at + 3] != 0) fail("a route that is not at its end");
    if (kind == kFragmentHeader) {
      set_fragment(get16(p_, at + 2) & 0xfff8, (p_[at + 3] & 1) != 0, get32(p_, at + 4));
      return 8;
    }
    return kind == kAuthentication ? (p_[at + 1] + 2U) * 4 : (p_[at + 1] + 1U) * 8;
  }
  void read_transport() {
    const Bytes& b = r_.body;
    const std::size_t least =
        r_.protocol == kTcp && !is_quote_                                                    ? 20
        : r_.is_icmp() || r_.protocol == kUdp || r_.protocol == kTcp || r_.protocol == kSctp ? 8
                                                                                             : 0;
    if (b.size() < least) return fail("no whole transport header");
    if (least == 0) return;
    r_.sport = static_cast<std::uint16_t>(get16(b, r_.is_icmp() ? 4 : 0));
    if (r_.is_icmp()) {
      r_.flags = b[0];
      r_.code = b[1];
      if (r_.src.is_v4() != (r_.protocol == kIcmp)) fail("ICMP of the other family");
      return;
    }
    r_.dport = static_cast<std::uint16_t>(get16(b, 2));
    if (r_.protocol != kTcp || is_quote_) return;
    r_.flags = b[13];
    if (b[12] >> 4 < 5 || (b[12] >> 4) * 4U > b.size()) fail("no whole TCP header");
  }

  Bytes p_;
  Reading r_;
  bool is_quote_ = false;
};

inline Reading read_frame(const Bytes& frame) { return FrameReader::read(frame); }

inline std::string to_text(const Bytes& frame) {
  const Reading r = read_frame(frame);
  std::string text = to_string(r.src) + " > " + to_string(r.dst) + " protocol " +
                     std::to_string(r.protocol) + " " + std::to_string(r.sport) + " > " +
                     std::to_string(r.dport) + " flags/type " + std::to_string(r.flags) + " code " +
                     std::to_string(r.code);
  if (r.is_first_fragment) text += " first fragment";
  if (r.is_later_fragment) text += " fragment from " + std::to_string(r.fragment_offset);
  if (!r.fault.empty()) text += " (" + r.fault + ")";
  text += "\n  ";
  for (const std::uint8_t byte : frame) {
    char hex[3];
    std::snprintf(hex, sizeof(hex), "%02x", byte);
    text += hex;
  }
  return text;
}

inline void PrintTo(const Packet& packet, std::ostream* os) { *os << to_text(packet.frame()); }

}  // namespace kernmesh::bpf::test
