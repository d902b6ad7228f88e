// SPDX-License-Identifier: Apache-2.0
// Builds packets as they travel inside the tunnel, in an Ethernet frame, since test runs of tc
// programs begin with one (test support). Everything can be made wrong; what is not set is right,
// except transport checksums, which no program reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/bpf/frame.h"

namespace kernmesh::bpf::test {

// TCP flags (RFC 9293 3.1).
constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32;
// IANA protocol numbers.
constexpr std::uint8_t kHopByHop = 0, kIcmp = 1, kIpInIp = 4, kTcp = 6, kUdp = 17, kRouting = 43,
                       kFragmentHeader = 44, kGre = 47, kAuthentication = 51, kIcmp6 = 58,
                       kDestinationOptions = 60, kSctp = 132;

inline void put32(Bytes& out, std::uint32_t v) {
  put16(out, v >> 16);
  put16(out, v & 0xffff);
}
inline std::uint32_t get32(const Bytes& in, std::size_t at) {
  return static_cast<std::uint32_t>(get16(in, at)) << 16U | get16(in, at + 2);
}

// From whom to whom. ICMP: `sport` is the identifier.
struct Ends {
  std::string src = "100.64.0.2", dst = "100.64.0.1";
  std::uint16_t sport = 40000, dport = 80;
  Ends back() const { return {dst, src, dport, sport}; }
};

// A header between IPv6 and the transport; the first byte becomes the number of what follows.
struct Extension {
  std::uint8_t kind = kDestinationOptions;
  Bytes bytes = {0, 0, 1, 4, 0, 0, 0, 0};  // PadN
};

struct Packet {
  Ends ends;
  std::uint8_t protocol = kTcp;
  Bytes body;                                   // transport header and data
  std::uint8_t ttl = 64, ihl = 5, version = 0;  // version 0: the addresses' own
  std::uint16_t id = 1, fragment_bits = 0;      // of IPv4: flags and offset as in the header
  std::vector<Extension> extensions;            // of IPv6
  std::optional<std::uint16_t> length;          // as the IP header says it
  std::uint16_t ethertype = 0;                  // 0: the addresses' own

  bool is_v6() const { return ends.src.find(':') != std::string::npos; }

  Bytes ip() const {
    Bytes out;
    if (is_v6()) {
      put_v6(out);
    } else {
      put_v4(out);
    }
    out.insert(out.end(), body.begin(), body.end());
    return out;
  }
  // To the address of lo, on which test runs arrive.
  Bytes frame() const {
    Bytes out = {0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 7};
    put16(out, ethertype != 0 ? ethertype : is_v6() ? 0x86dd : 0x0800);
    const Bytes packet = ip();
    out.insert(out.end(), packet.begin(), packet.end());
    return out;
  }

 private:
  void put_v4(Bytes& out) const {
    out.push_back(static_cast<std::uint8_t>((version != 0 ? version : 4) << 4 | ihl));
    out.push_back(0);
    put16(out, length.value_or(static_cast<std::uint16_t>(ihl * 4 + body.size())));
    put16(out, id);
    put16(out, fragment_bits);
    out.push_back(ttl);
    out.push_back(protocol);
    put16(out, 0);
    put_addresses(out, AF_INET, 4);
    const unsigned sum = ~ones_sum(out.data(), out.size());
    out[10] = static_cast<std::uint8_t>(sum >> 8);
    out[11] = static_cast<std::uint8_t>(sum);
    if (ihl > 5) out.resize(ihl * 4U, 1);  // NOP
  }
  void put_v6(Bytes& out) const {
    std::size_t between = 0;
    for (const Extension& e : extensions) between += e.bytes.size();
    put16(out, (version != 0 ? version : 6) << 12);
    put16(out, 0);
    put16(out, length.value_or(static_cast<std::uint16_t>(between + body.size())));
    out.push_back(extensions.empty() ? protocol : extensions.front().kind);
    out.push_back(ttl);
    put_addresses(out, AF_INET6, 16);
    for (std::size_t i = 0; i < extensions.size(); ++i) {
      Bytes bytes = extensions[i].bytes;
      bytes.at(0) = i + 1 < extensions.size() ? extensions[i + 1].kind : protocol;
      out.insert(out.end(), bytes.begin(), bytes.end());
    }
  }
  void put_addresses(Bytes& out, int family, std::size_t size) const {
    for (const std::string& text : {ends.src, ends.dst}) {
      Bytes address(size);
      if (inet_pton(family, text.c_str(), address.data()) != 1) std::abort();
      out.insert(out.end(), address.begin(), address.end());
    }
  }
};

struct TcpHead {
  std::uint8_t flags = kSyn, offset = 5;  // offset: of the data, in words
  std::uint32_t seq = 1000, ack = 0;
  std::size_t data = 0;  // bytes after the header
};
inline Packet tcp(const Ends& ends, const TcpHead& head) {
  Packet p{.ends = ends, .protocol = kTcp};
  put16(p.body, ends.sport);
  put16(p.body, ends.dport);
  put32(p.body, head.seq);
  put32(p.body, head.ack);
  p.body.push_back(static_cast<std::uint8_t>(head.offset << 4));
  p.body.push_back(head.flags);
  put16(p.body, 65535);
  put32(p.body, 0);
  const std::size_t options = head.offset > 5 ? (head.offset - 5U) * 4 : 0;
  p.body.resize(p.body.size() + options, 1);
  p.body.resize(p.body.size() + head.data, 0xda);
  return p;
}
inline Packet tcp(const Ends& ends, std::uint8_t flags = kSyn) {
  return tcp(ends, TcpHead{.flags = flags});
}

inline Packet udp(const Ends& ends, std::size_t data = 16) {
  Packet p{.ends = ends, .protocol = kUdp};
  put16(p.body, ends.sport);
  put16(p.body, ends.dport);
  put16(p.body, static_cast<unsigned>(8 + data));
  put16(p.body, 0);
  p.body.resize(8 + data, 0xda);
  return p;
}

// Chunks of RFC 9260 3.2.
constexpr std::uint8_t kSctpData = 0, kSctpInit = 1, kSctpInitAck = 2;
inline Packet sctp(const Ends& ends, std::uint8_t chunk = kSctpInit) {
  Packet p{.ends = ends, .protocol = kSctp};
  put16(p.body, ends.sport);
  put16(p.body, ends.dport);
  put32(p.body, 0);
  put32(p.body, 0);
  p.body.push_back(chunk);
  p.body.resize(32, 0);
  return p;
}

inline Packet icmp(const Ends& ends, std::uint8_t type, std::uint8_t code = 0) {
  Packet p{.ends = ends};
  p.protocol = p.is_v6() ? kIcmp6 : kIcmp;
  p.body = {type, code, 0, 0};
  put16(p.body, ends.sport);
  put16(p.body, 1);
  p.body.resize(16, 0xda);
  return p;
}
inline Packet echo(const Ends& ends) {
  return icmp(ends, ends.src.find(':') == std::string::npos ? 8 : 128);
}
// Of an echo with these ends turned around, so that `sport` stays the identifier.
inline Packet echo_answer(const Ends& asked) {
  const Ends ends{asked.dst, asked.src, asked.sport, 0};
  return icmp(ends, asked.src.find(':') == std::string::npos ? 0 : 129);
}

struct ErrorHead {
  std::uint8_t type = 3, code = 1;
  std::uint32_t word = 0;     // the MTU, where there is one
  std::size_t quoted = 1000;  // bytes at most
};
inline Packet icmp_error(const Ends& ends, const Packet& about, const ErrorHead& head) {
  Packet p = icmp(ends, head.type, head.code);
  p.body.resize(4);
  put32(p.body, head.word);
  const Bytes quote = about.ip();
  p.body.insert(p.body.end(), quote.begin(),
                quote.begin() + static_cast<std::ptrdiff_t>(std::min(quote.size(), head.quoted)));
  return p;
}
// "Port unreachable", quoting the whole packet.
inline Packet unreachable(const Ends& ends, const Packet& about) {
  return icmp_error(ends, about, about.is_v6() ? ErrorHead{1, 4} : ErrorHead{3, 3});
}

// A protocol that the programs do not know, over bytes that read as TCP's.
inline Packet other(const Ends& ends, std::uint8_t protocol) {
  Packet p = tcp(ends);
  p.protocol = protocol;
  return p;
}

inline Packet with(Packet p, std::vector<Extension> extensions) {
  p.extensions = std::move(extensions);
  return p;
}

// The bytes of `whole`'s body from `from` to `to`; unless they are its last ones, more follow.
struct Part {
  std::size_t from = 0, to = 0;
  std::uint32_t id = 7;
};
inline Packet fragment(Packet whole, const Part& part) {
  const bool more = part.to < whole.body.size();
  whole.body = Bytes(whole.body.begin() + static_cast<std::ptrdiff_t>(part.from),
                     whole.body.begin() + static_cast<std::ptrdiff_t>(part.to));
  if (!whole.is_v6()) {
    whole.id = static_cast<std::uint16_t>(part.id);
    whole.fragment_bits = static_cast<std::uint16_t>(part.from / 8 | (more ? 0x2000U : 0U));
    return whole;
  }
  Bytes header = {0, 0};
  put16(header, static_cast<unsigned>(part.from | (more ? 1U : 0U)));
  put32(header, part.id);
  whole.extensions.push_back({kFragmentHeader, header});
  return whole;
}

}  // namespace kernmesh::bpf::test
