// SPDX-License-Identifier: Apache-2.0
// One loaded relay program with two clients of each family, on an interface of the test's own (test
// support; wants root).
#pragma once

#include <memory>

#include "controller/bpf/relay.h"
#include "tests/bpf/tally.h"
#include "tests/bpf/underlay_fixture.h"

namespace kernmesh::bpf::test {

constexpr std::int32_t kXdpDrop = 1, kXdpPass = 2, kXdpTx = 3, kXdpRedirect = 4;
constexpr std::uint16_t kRelayPort = 3478;
constexpr std::uint32_t kChannelA = 0x0a0b0c0d, kChannelB = 0x01020304;

// What a datagram's frame says.
struct Seen {
  std::string src, dst;
  std::uint16_t sport = 0, dport = 0;
  unsigned tos = 0, hops = 0, udp_check = 0;
  bool ip_sum_right = false, udp_sum_right = false;
  Bytes payload;
};

inline std::string text_of(const Bytes& frame, std::size_t at, bool v6) {
  char out[INET6_ADDRSTRLEN] = "";
  inet_ntop(v6 ? AF_INET6 : AF_INET, frame.data() + at, out, sizeof out);
  return out;
}

inline Seen read(const Bytes& frame) {
  Seen seen;
  const bool v6 = get16(frame, 12) == 0x86dd;
  const std::size_t addresses = v6 ? 22 : 26, width = v6 ? 16 : 4;
  const std::size_t udp = addresses + 2 * width;
  seen.src = text_of(frame, addresses, v6);
  seen.dst = text_of(frame, addresses + width, v6);
  seen.tos = v6 ? get16(frame, 14) >> 4U & 0xff : frame[15];
  seen.hops = v6 ? frame[21] : frame[22];
  seen.ip_sum_right = v6 || ones_sum(frame.data() + 14, 20) == 0xffff;
  seen.sport = static_cast<std::uint16_t>(get16(frame, udp));
  seen.dport = static_cast<std::uint16_t>(get16(frame, udp + 2));
  const unsigned length = get16(frame, udp + 4);
  EXPECT_EQ(udp + length, frame.size());
  EXPECT_EQ(v6 ? get16(frame, 18) : get16(frame, 16) - 20, length);
  seen.udp_check = get16(frame, udp + 6);
  const unsigned pseudo = ones_sum(frame.data() + addresses, 2 * width, 17 + length);
  seen.udp_sum_right = ones_sum(frame.data() + udp, frame.size() - udp, pseudo) == 0xffff;
  seen.payload.assign(frame.begin() + static_cast<std::ptrdiff_t>(udp + 8), frame.end());
  return seen;
}

// The builder leaves the IPv4 header's checksum out.
inline Bytes with_ip_sum(Bytes frame) {
  if (get16(frame, 12) != 0x0800) return frame;
  const unsigned sum = ~ones_sum(frame.data() + 14, 20U) & 0xffff;
  frame[24] = static_cast<std::uint8_t>(sum >> 8);
  frame[25] = static_cast<std::uint8_t>(sum);
  return frame;
}

// relay0 and relay1 in the calling thread's namespaces, with neighbours. The exit status of what
// makes them.
inline int make_relay_interfaces() {
  return system(
      "ip link del relay0 2>/dev/null; ip link del relay1 2>/dev/null;"
      "ip link add relay0 address 02:00:00:00:01:01 type veth peer name far0 && "
      "ip link add relay1 address 02:00:00:00:01:02 type veth peer name far1 && "
      // Their kernel's own words of IPv6 would be counted at the other ends.
      "for i in far0 far1; do sysctl -qw net.ipv6.conf.$i.disable_ipv6=1; done;"
      "for i in relay0 relay1 far0 far1; do ip link set $i up; done;"
      "ip addr add 198.51.100.1/24 dev relay0; ip addr add 203.0.113.1/24 dev relay1;"
      "ip addr add 2001:db8:f::1/64 dev relay0 nodad;"
      "ip neigh add 198.51.100.10 lladdr 02:00:00:00:02:10 dev relay0;"
      "ip neigh add 198.51.100.20 lladdr 02:00:00:00:02:20 dev relay0;"
      "ip neigh add 203.0.113.20 lladdr 02:00:00:00:02:30 dev relay1;"
      "ip neigh add 2001:db8:f::10 lladdr 02:00:00:00:02:40 dev relay0;"
      "ip neigh add 2001:db8:f::20 lladdr 02:00:00:00:02:50 dev relay0;"
      "sysctl -qw net.ipv4.conf.lo.forwarding=1 net.ipv6.conf.lo.forwarding=1");
}

class RelayProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    enter_namespaces();
    ASSERT_EQ(make_relay_interfaces(), 0);
    port = IfIndex(if_nametoindex("relay0"));
    auto opened = Relay::open({.instance = "test", .max_channels = 64});
    ASSERT_TRUE(opened) << opened.error().message();
    relay = std::make_unique<Relay>(std::move(*opened));
    config.port = Port(kRelayPort);
    ASSERT_TRUE(relay->set_config(config));
    ASSERT_TRUE(relay->set_locals({ip("198.51.100.1"), ip("2001:db8:f::1")}));
    before = all();
  }
  void TearDown() override { ASSERT_TRUE(relay->remove()); }

  static relay::Origin origin(const std::string& text) {
    const auto client = endpoint(text);
    const bool other_net = text.starts_with("203.");
    return {client,
            ip(other_net                ? "203.0.113.1"
               : client.address.is_v4() ? "198.51.100.1"
                                        : "2001:db8:f::1"),
            {}};
  }
  void pair(const std::string& a, const std::string& b) {
    ASSERT_TRUE(relay->set_channel(origin(a), relay::Channel(kChannelA),
                                   {origin(b), relay::Channel(kChannelB)}));
    ASSERT_TRUE(relay->set_channel(origin(b), relay::Channel(kChannelB),
                                   {origin(a), relay::Channel(kChannelA)}));
  }
  static Frame data(const std::string& from, std::uint32_t channel, std::uint16_t sport = 4000) {
    Frame f{.src = from,
            .dst = from.find(':') != std::string::npos ? "2001:db8:f::1" : "198.51.100.1"};
    f.sport = sport;
    f.dport = kRelayPort;
    f.payload = relay::wrap_data(relay::Channel(channel), message(4, 64));
    f.tos = 0xb9;
    return f;
  }
  static Frame stun(const std::string& from, std::uint16_t sport = 5555) {
    Frame f = data(from, 1, sport);
    f.payload = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    for (std::uint8_t i = 1; i <= 12; ++i) f.payload.push_back(i);
    return f;
  }
  TestRun arrive(const Bytes& frame) {
    TestRun result;
    result.out.resize(frame.size() + 256);
    xdp_md context{};
    context.data_end = static_cast<__u32>(frame.size());
    context.ingress_ifindex = port.value();
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = result.out.data(),
                .data_size_in = static_cast<__u32>(frame.size()),
                .data_size_out = static_cast<__u32>(result.out.size()), .ctx_in = &context,
                .ctx_size_in = sizeof(context));
    result.error = bpf_prog_test_run_opts(relay->program_fd(), &options);
    result.verdict = static_cast<std::int32_t>(options.retval);
    result.out.resize(options.data_size_out);
    EXPECT_EQ(result.error, 0);
    return result;
  }
  TestRun arrive(const Frame& frame) { return arrive(with_ip_sum(frame.bytes())); }

  Tally all() const { return tally(*relay->counters()); }
  // What was counted since the last call: "label" or "label label", "" for nothing.
  std::string counted() { return rise(before, all()); }

  IfIndex port;
  RelayConfig config;
  std::unique_ptr<Relay> relay;
  Tally before;
};

}  // namespace kernmesh::bpf::test
