// SPDX-License-Identifier: Apache-2.0
#include "tests/nat/translation.h"

#include <netinet/in.h>

#include <cstring>

namespace kernmesh::nat {
namespace {

// Offsets into the headers of RFC 791, 768, 9293 and 792.
constexpr std::size_t kSourceAt = 12, kDestinationAt = 16, kIpSumAt = 10;
constexpr std::size_t kUdpSumAt = 6, kTcpSumAt = 16, kIcmpSumAt = 2, kEchoIdAt = 4, kQuoteAt = 8;
constexpr std::uint8_t kEchoReply = 0, kUnreachable = 3, kEcho = 8, kTimeExceeded = 11,
                       kParameterProblem = 12;

std::uint16_t word_at(const Bytes& packet, std::size_t at) {
  return static_cast<std::uint16_t>(packet[at] << 8 | packet[at + 1]);
}
void set_word(Bytes& packet, std::size_t at, std::uint16_t value) {
  packet[at] = static_cast<std::uint8_t>(value >> 8);
  packet[at + 1] = static_cast<std::uint8_t>(value);
}

// An IPv4 packet, or the start of one that an error quotes, within `bytes`.
struct View {
  std::size_t ip = 0, l4 = 0;
  std::uint8_t protocol = 0;
  std::optional<std::size_t> sum;  // of the transport, when it is there and in use
  Endpoint src, dst;               // of an echo: the identifier is the port of who asked
};

IpAddress address_at(const Bytes& packet, std::size_t at) {
  std::array<std::uint8_t, 4> bytes;
  std::memcpy(bytes.data(), &packet[at], 4);
  return IpAddress::from_v4_bytes(bytes);
}

bool read_transport(const Bytes& packet, View& view) {
  const std::size_t sum_at = view.protocol == IPPROTO_UDP   ? kUdpSumAt
                             : view.protocol == IPPROTO_TCP ? kTcpSumAt
                                                            : kIcmpSumAt;
  if (view.l4 + sum_at + 2 <= packet.size()) view.sum = view.l4 + sum_at;
  if (view.protocol == IPPROTO_UDP && view.sum && word_at(packet, *view.sum) == 0) view.sum.reset();
  switch (view.protocol) {
    case IPPROTO_UDP:
    case IPPROTO_TCP:
      view.src.port = Port(word_at(packet, view.l4));
      view.dst.port = Port(word_at(packet, view.l4 + 2));
      return true;
    case IPPROTO_ICMP: {
      const Port id(word_at(packet, view.l4 + kEchoIdAt));
      if (packet[view.l4] == kEcho) view.src.port = id;
      if (packet[view.l4] == kEchoReply) view.dst.port = id;
      return packet[view.l4] == kEcho || packet[view.l4] == kEchoReply;
    }
    default:
      return false;
  }
}

// Up to the transport header; none unless it is a first fragment with eight bytes of that.
std::optional<View> view_at(const Bytes& packet, std::size_t ip) {
  if (packet.size() < ip + 28 || packet[ip] >> 4 != 4) return std::nullopt;
  View view;
  view.ip = ip;
  view.l4 = ip + 4UL * (packet[ip] & 15);
  if (view.l4 < ip + 20 || packet.size() < view.l4 + 8) return std::nullopt;
  if ((word_at(packet, ip + 6) & 0x1fff) != 0) return std::nullopt;
  view.protocol = packet[ip + 9];
  view.src.address = address_at(packet, ip + kSourceAt);
  view.dst.address = address_at(packet, ip + kDestinationAt);
  return view;
}

// RFC 1624, equation 3.
void replace_word(Bytes& packet, std::size_t at, std::uint16_t value,
                  std::initializer_list<std::optional<std::size_t>> sums) {
  const std::uint16_t before = word_at(packet, at);
  set_word(packet, at, value);
  for (const auto& sum_at : sums) {
    if (!sum_at) continue;
    const std::uint16_t complement = static_cast<std::uint16_t>(~before);
    std::uint32_t sum = static_cast<std::uint16_t>(~word_at(packet, *sum_at));
    sum += static_cast<std::uint32_t>(complement) + value;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    const auto after = static_cast<std::uint16_t>(~sum);
    set_word(packet, *sum_at, after == 0 ? 0xffff : after);  // to UDP 0 means that there is none
  }
}

enum class End { kSource, kDestination };

void set_ip(Bytes& packet, const View& view, End end, const IpAddress& to) {
  const std::size_t at = view.ip + (end == End::kSource ? kSourceAt : kDestinationAt);
  // ICMP has no pseudo-header.
  const auto pseudo = view.protocol == IPPROTO_ICMP ? std::optional<std::size_t>() : view.sum;
  for (std::size_t i = 0; i < 4; i += 2) {
    const auto word = static_cast<std::uint16_t>(to.bytes()[i] << 8 | to.bytes()[i + 1]);
    replace_word(packet, at + i, word, {view.ip + kIpSumAt, pseudo});
  }
}

void set_end(Bytes& packet, const View& view, End end, const Endpoint& to) {
  set_ip(packet, view, end, to.address);
  std::size_t port_at = end == End::kSource ? view.l4 : view.l4 + 2;
  if (view.protocol == IPPROTO_ICMP) port_at = view.l4 + kEchoIdAt;
  replace_word(packet, port_at, to.port.value(), {view.sum});
}

void fill_icmp_sum(Bytes& packet, std::size_t icmp) {
  set_word(packet, icmp + kIcmpSumAt, 0);
  std::uint32_t sum = 0;
  for (std::size_t i = icmp; i < packet.size(); ++i)
    sum += static_cast<std::uint32_t>((i - icmp) % 2 == 0 ? packet[i] << 8 : packet[i]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  set_word(packet, icmp + kIcmpSumAt, static_cast<std::uint16_t>(~sum));
}

bool is_error(const Bytes& packet, const View& view) {
  if (view.protocol != IPPROTO_ICMP) return false;
  const std::uint8_t type = packet[view.l4];
  return type == kUnreachable || type == kTimeExceeded || type == kParameterProblem;
}

// The packet that an error is about.
std::optional<View> quoted(const Bytes& packet, const View& error) {
  auto view = view_at(packet, error.l4 + kQuoteAt);
  if (!view || !read_transport(packet, *view)) return std::nullopt;
  return view;
}

path::NatKind lasting(path::NatKind kind) {
  kind.timeout = std::chrono::hours(2);  // RFC 5382 REQ-5
  return kind;
}

}  // namespace

Translation::Translation(const path::NatKind& kind, const IpAddress& outer, std::uint32_t seed,
                         Udp udp)
    : udp_(kind, outer, seed),
      tcp_(lasting(kind), outer, seed + 1),
      echoes_(kind, outer, seed + 2),
      udp_mode_(udp) {}

path::SimulatedNat* Translation::table_of(std::uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_UDP:
      return udp_mode_ == Udp::kPassed ? &udp_ : nullptr;
    case IPPROTO_TCP:
      return &tcp_;
    case IPPROTO_ICMP:
      return &echoes_;
    default:
      return nullptr;
  }
}

void Translation::rebind(const IpAddress& outer) {
  for (auto* table : {&udp_, &tcp_, &echoes_}) table->rebind(outer);
}

std::optional<Translation::Passed> Translation::outbound(MonoTime now, Bytes packet) {
  auto view = view_at(packet, 0);
  if (!view) return std::nullopt;
  if (is_error(packet, *view)) return error_outbound(now, std::move(packet));
  auto* table = table_of(view->protocol);
  if (table == nullptr || !read_transport(packet, *view)) return std::nullopt;
  if (view->protocol == IPPROTO_ICMP && packet[view->l4] != kEcho) return std::nullopt;
  const bool turns_back = view->dst.address == table->outer();
  if (turns_back && !table->hairpin()) return std::nullopt;
  set_end(packet, *view, End::kSource, table->outbound(now, view->src, view->dst));
  // With the outer address as its source (RFC 4787 REQ-9a).
  if (turns_back) return inbound(now, std::move(packet));
  return Passed{Side::kOutside, std::move(packet)};
}

std::optional<Translation::Passed> Translation::inbound(MonoTime now, Bytes packet) {
  auto view = view_at(packet, 0);
  if (!view) return std::nullopt;
  if (is_error(packet, *view)) return error_inbound(now, std::move(packet));
  auto* table = table_of(view->protocol);
  if (table == nullptr || !read_transport(packet, *view)) return std::nullopt;
  if (view->protocol == IPPROTO_ICMP && packet[view->l4] != kEchoReply) return std::nullopt;
  const auto inner = table->inbound(now, view->src, view->dst.port);
  if (!inner) return std::nullopt;
  set_end(packet, *view, End::kDestination, *inner);
  return Passed{Side::kInside, std::move(packet)};
}

// About a packet that came in: it was for `src` of the error, and must read as it did outside.
std::optional<Translation::Passed> Translation::error_outbound(MonoTime now, Bytes packet) {
  const auto error = view_at(packet, 0);
  const auto about = quoted(packet, *error);
  auto* table = about ? table_of(about->protocol) : nullptr;
  if (table == nullptr) return std::nullopt;
  const auto outer = table->mapped(now, about->dst, about->src);
  if (!outer) return std::nullopt;
  set_end(packet, *about, End::kDestination, *outer);
  set_ip(packet, *error, End::kSource, outer->address);
  fill_icmp_sum(packet, error->l4);
  return Passed{Side::kOutside, std::move(packet)};
}

// About a packet that went out: from wherever on its way the error comes (RFC 5508 section 4.2).
std::optional<Translation::Passed> Translation::error_inbound(MonoTime now, Bytes packet) {
  const auto error = view_at(packet, 0);
  const auto about = quoted(packet, *error);
  auto* table = about ? table_of(about->protocol) : nullptr;
  if (table == nullptr || about->src.address != table->outer()) return std::nullopt;
  const auto inner = table->inbound(now, about->dst, about->src.port);
  if (!inner) return std::nullopt;
  set_end(packet, *about, End::kSource, *inner);
  set_ip(packet, *error, End::kDestination, inner->address);
  fill_icmp_sum(packet, error->l4);
  return Passed{Side::kInside, std::move(packet)};
}

}  // namespace kernmesh::nat
