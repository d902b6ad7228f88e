// SPDX-License-Identifier: Apache-2.0
// The relay's data path under BPF_PROG_TEST_RUN.
#include "tests/bpf/relay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

constexpr const char* kA4 = "198.51.100.10:4000";
constexpr const char* kB4 = "198.51.100.20:5000";
constexpr const char* kA6 = "[2001:db8:f::10]:4000";
constexpr const char* kB6 = "[2001:db8:f::20]:5000";

struct Way {
  const char *from, *to, *from_address, *to_address, *relay_address;
};

TEST_F(RelayProgramTest, forwards_between_all_combinations_of_families) {
  for (const Way& way : {Way{kA4, kB4, "198.51.100.10", "198.51.100.20", "198.51.100.1"},
                         Way{kA6, kB6, "2001:db8:f::10", "2001:db8:f::20", "2001:db8:f::1"},
                         Way{kA4, kB6, "198.51.100.10", "2001:db8:f::20", "2001:db8:f::1"},
                         Way{kA6, kB4, "2001:db8:f::10", "198.51.100.20", "198.51.100.1"}}) {
    SCOPED_TRACE(std::string(way.from) + " to " + way.to);
    pair(way.from, way.to);
    const auto result = arrive(data(way.from_address, kChannelA));
    EXPECT_EQ(result.verdict, kXdpTx);
    EXPECT_EQ(counted(), "sent_back");
    const auto seen = read(result.out);
    EXPECT_EQ(seen.src, way.relay_address);
    EXPECT_EQ(seen.dst, way.to_address);
    EXPECT_EQ(seen.sport, kRelayPort);
    EXPECT_EQ(seen.dport, 5000);
    EXPECT_EQ(seen.tos, 0xb9U);
    EXPECT_EQ(seen.hops, 63U);
    EXPECT_TRUE(seen.ip_sum_right);
    EXPECT_TRUE(seen.udp_sum_right);
    EXPECT_EQ(seen.payload, relay::wrap_data(relay::Channel(kChannelB), message(4, 64)));
    EXPECT_EQ(result.out[10], 1);  // the relay's own Ethernet address ...
    EXPECT_EQ(result.out[4], 2);   // ... and the neighbour's
  }
}

TEST_F(RelayProgramTest, every_message_length_keeps_both_checksums_right) {
  pair(kA4, kB6);
  for (std::size_t size = 1; size < 1400; size += 37) {
    Frame f = data("198.51.100.10", kChannelA);
    f.payload = relay::wrap_data(relay::Channel(kChannelA), Bytes(size, 0x5a));
    const auto result = arrive(f);
    ASSERT_EQ(result.verdict, kXdpTx) << size;
    ASSERT_TRUE(read(result.out).udp_sum_right) << size;
  }
}

TEST_F(RelayProgramTest, redirects_when_the_way_out_is_another_interface_with_the_program) {
  pair(kA4, "203.0.113.20:5000");
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelA)).verdict, kXdpPass);
  EXPECT_EQ(counted(), "up_port");
  const IfIndex other(if_nametoindex("relay1"));
  ASSERT_TRUE(relay->attach(port, XdpMode::kNative));
  ASSERT_TRUE(relay->attach(other, XdpMode::kNative));
  const auto result = arrive(data("198.51.100.10", kChannelA));
  EXPECT_EQ(result.verdict, kXdpRedirect);
  EXPECT_EQ(counted(), "redirected");
  EXPECT_EQ(read(result.out).src, "203.0.113.1");
}

// A generic port's device may have nothing that takes a native program's frames.
TEST_F(RelayProgramTest, hands_up_what_comes_natively_and_leaves_by_a_generic_port) {
  pair(kA4, "203.0.113.20:5000");
  const IfIndex other(if_nametoindex("relay1"));
  constexpr auto kNative = XdpMode::kNative, kGeneric = XdpMode::kGeneric;
  const auto frame = with_ip_sum(data("198.51.100.10", kChannelA).bytes());
  for (const auto& [from, to] : {std::pair{kNative, kNative},
                                 {kNative, kGeneric},
                                 {kGeneric, kNative},
                                 {kGeneric, kGeneric}}) {
    SCOPED_TRACE(std::string(from == kNative ? "native" : "generic") + " to " +
                 (to == kNative ? "native" : "generic"));
    ASSERT_TRUE(relay->attach(port, from));
    ASSERT_TRUE(relay->attach(other, to));
    const auto result = arrive(frame);
    const bool goes_up = from == kNative && to == kGeneric;
    EXPECT_EQ(result.verdict, goes_up ? kXdpPass : kXdpRedirect);
    EXPECT_EQ(counted(), goes_up ? "up_port" : "redirected");
    if (goes_up) {
      EXPECT_EQ(result.out, frame);
    }
  }
}

TEST_F(RelayProgramTest, sends_back_by_redirect_when_told_so) {
  pair(kA4, kB4);
  config.send_back = SendBack::kRedirect;
  ASSERT_TRUE(relay->set_config(config));
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelA)).verdict, kXdpRedirect);
}

TEST_F(RelayProgramTest, what_a_veth_left_unfilled_is_still_right) {
  pair(kA4, kB4);
  Frame f = data("198.51.100.10", kChannelA);
  f.checksum = Frame::Checksum::kPartial;  // a socket's: the pseudo-header's sum alone
  auto result = arrive(f);
  EXPECT_EQ(result.verdict, kXdpTx);
  EXPECT_TRUE(read(result.out).udp_sum_right);
  f.checksum = Frame::Checksum::kNone;
  result = arrive(f);
  EXPECT_EQ(result.verdict, kXdpTx);
  EXPECT_TRUE(read(result.out).udp_sum_right);
}

TEST_F(RelayProgramTest, in_generic_mode_a_socket_s_unfilled_checksum_is_handed_up) {
  pair(kA4, kB4);
  ASSERT_TRUE(relay->attach(port, XdpMode::kGeneric));
  Frame f = data("198.51.100.10", kChannelA);
  f.checksum = Frame::Checksum::kPartial;
  EXPECT_EQ(arrive(f).verdict, kXdpPass);
  EXPECT_EQ(counted(), "up_checksum");
}

// As the underlay's program sends it over a veth: the UDP checksum stands, `sum` was never filled.
Frame unfilled(Frame f) {
  Frame right = f;
  const auto whole = right.bytes();
  f.payload[6] = f.payload[7] = 0;
  f.checksum = Frame::Checksum::kComplete;
  return f;
}

Bytes unfilled_bytes(const Frame& frame) {
  const auto right = with_ip_sum(frame.bytes());
  auto out = with_ip_sum(unfilled(frame).bytes());
  const std::size_t check = frame.v6() ? 60 : 40;
  out[check] = right[check];
  out[check + 1] = right[check + 1];
  return out;
}

TEST_F(RelayProgramTest, without_the_headers_sum_ipv4_leaves_without_checksum) {
  pair(kA4, kB4);
  const auto result = arrive(unfilled_bytes(data("198.51.100.10", kChannelA)));
  EXPECT_EQ(result.verdict, kXdpTx);
  EXPECT_EQ(read(result.out).udp_check, 0U);
}

TEST_F(RelayProgramTest, without_the_headers_sum_ipv6_is_handed_up_unchanged) {
  pair(kA4, kB6);
  const auto frame = unfilled_bytes(data("198.51.100.10", kChannelA));
  const auto result = arrive(frame);
  EXPECT_EQ(result.verdict, kXdpPass);
  EXPECT_EQ(result.out, frame);
  EXPECT_EQ(counted(), "up_checksum");
}

TEST_F(RelayProgramTest, a_corrupted_packet_does_not_get_a_right_checksum) {
  pair(kA4, kB4);
  auto frame = with_ip_sum(data("198.51.100.10", kChannelA).bytes());
  frame[40] ^= 0x10;  // the UDP checksum; any difference shows there
  EXPECT_EQ(arrive(frame).verdict, kXdpPass);
  EXPECT_EQ(counted(), "up_checksum");
  frame = with_ip_sum(data("198.51.100.10", kChannelA).bytes());
  frame.back() ^= 1;  // the message: stays wrong behind the fresh headers
  EXPECT_FALSE(read(arrive(frame).out).udp_sum_right);
  frame = data("198.51.100.10", kChannelA).bytes();  // no IPv4 header checksum
  EXPECT_EQ(arrive(frame).verdict, kXdpPass);
}

TEST_F(RelayProgramTest, an_unresolved_neighbour_is_handed_up_unchanged) {
  pair(kA4, "198.51.100.99:5000");
  const auto frame = with_ip_sum(data("198.51.100.10", kChannelA).bytes());
  const auto result = arrive(frame);
  EXPECT_EQ(result.verdict, kXdpPass);
  EXPECT_EQ(result.out, frame);
  EXPECT_EQ(counted(), "up_neighbour");
}

TEST_F(RelayProgramTest, no_route_is_handed_up) {
  pair(kA4, "192.0.2.9:5000");
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelA)).verdict, kXdpPass);
  EXPECT_EQ(counted(), "up_route");
}

TEST_F(RelayProgramTest, a_clients_packet_to_a_peer_on_tls_is_handed_up) {
  auto to = origin(kB4);
  to.stream = relay::StreamId(3);
  ASSERT_TRUE(
      relay->set_channel(origin(kA4), relay::Channel(kChannelA), {to, relay::Channel(kChannelB)}));
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelA)).verdict, kXdpPass);
  EXPECT_EQ(counted(), "up_stream");
}

TEST_F(RelayProgramTest, r2_another_source_port_address_channel_or_relay_address_goes_nowhere) {
  pair(kA4, kB4);
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelA, 4001)).verdict, kXdpDrop);
  EXPECT_EQ(arrive(data("198.51.100.11", kChannelA)).verdict, kXdpDrop);
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelB)).verdict, kXdpDrop);
  Frame elsewhere = data("198.51.100.10", kChannelA);
  elsewhere.dst = "198.51.100.2";
  EXPECT_EQ(arrive(elsewhere).verdict, kXdpDrop);
  EXPECT_EQ(counted(), "unknown_channel unknown_channel unknown_channel unknown_channel");
}

TEST_F(RelayProgramTest, a_removed_channel_ends_at_once) {
  pair(kA4, kB4);
  ASSERT_TRUE(relay->remove_channel({endpoint(kA4), relay::Channel(kChannelA)}));
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelA)).verdict, kXdpDrop);
  EXPECT_EQ(relay->channels()->size(), 1U);
}

TEST_F(RelayProgramTest, r3_the_hop_limit_runs_out) {
  pair(kA4, kB4);
  for (const auto& [hops, verdict] : {std::pair{0, kXdpDrop}, {1, kXdpDrop}, {2, kXdpTx}}) {
    auto frame = data("198.51.100.10", kChannelA).bytes();
    frame[22] = static_cast<std::uint8_t>(hops);
    EXPECT_EQ(arrive(with_ip_sum(frame)).verdict, verdict) << hops;
  }
  EXPECT_EQ(counted(), "hops hops sent_back");
}

TEST_F(RelayProgramTest, r6_a_packet_larger_than_the_way_out_is_dropped) {
  pair(kA4, kB6);
  Frame f = data("198.51.100.10", kChannelA);
  f.payload = relay::wrap_data(relay::Channel(kChannelA), Bytes(1460));
  EXPECT_EQ(arrive(f).verdict, kXdpDrop);
  EXPECT_EQ(counted(), "too_big");
}

TEST_F(RelayProgramTest, what_is_not_whole_plain_udp_passes_unchanged) {
  pair(kA4, kB4);
  const Frame right = data("198.51.100.10", kChannelA);
  std::vector<Bytes> frames;
  Frame f = right;
  f.ihl = 6;
  frames.push_back(f.bytes());
  f = right;
  f.protocol = 6;
  frames.push_back(f.bytes());
  f = right;
  f.ip_len = 60;
  frames.push_back(f.bytes());
  f = right;
  f.udp_len = 40;
  frames.push_back(f.bytes());
  f = right;
  f.ethertype = 0x8100;  // a VLAN's
  frames.push_back(f.bytes());
  f = right;
  f.dport = 3479;
  frames.push_back(f.bytes());
  frames.push_back(with_ip_sum(right.bytes()));
  frames.back().push_back(0);  // a tail
  frames.push_back(with_ip_sum(right.bytes()));
  frames.back()[0] = 1;  // to a group
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto frame = i < 6 && i != 4 ? with_ip_sum(frames[i]) : frames[i];
    const auto result = arrive(frame);
    EXPECT_EQ(result.verdict, kXdpPass) << i;
    EXPECT_EQ(result.out, frame) << i;
    EXPECT_EQ(counted(), "pass") << i;
  }
}

TEST_F(RelayProgramTest, every_truncation_passes_or_drops_without_a_fault) {
  pair(kA4, kB4);
  const auto whole = with_ip_sum(data("198.51.100.10", kChannelA).bytes());
  for (std::size_t size = 14; size < whole.size(); ++size) {
    const auto result = arrive(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
    ASSERT_EQ(result.verdict, kXdpPass) << size;
  }
}

TEST_F(RelayProgramTest, fragments_pass) {
  Frame f = data("198.51.100.10", kChannelA);
  for (const std::uint16_t bits : {0x2000, 0x0001}) {
    f.fragment = bits;
    EXPECT_EQ(arrive(f).verdict, kXdpPass);
    EXPECT_EQ(counted(), "pass_fragment");
  }
}

TEST_F(RelayProgramTest, control_and_channel_zero_pass_to_the_daemon) {
  Frame f = data("198.51.100.10", kChannelA);
  f.payload = Bytes(128, 0xd4);
  EXPECT_EQ(arrive(f).verdict, kXdpPass);
  f.payload = relay::wrap_data(relay::Channel(0), message(4, 64));
  EXPECT_EQ(arrive(f).verdict, kXdpPass);
  EXPECT_EQ(counted(), "pass_control pass_control");
}

TEST_F(RelayProgramTest, counts_packets_bytes_and_time_for_each_channel) {
  pair(kA4, kB4);
  for (int i = 0; i < 3; ++i) arrive(data("198.51.100.10", kChannelA));
  const auto usage = relay->usage();
  for (const RelayUse& use : *usage) {
    const bool is_a = use.source.channel == relay::Channel(kChannelA);
    EXPECT_EQ(use.packets, is_a ? 3U : 0U);
    EXPECT_EQ(use.bytes, is_a ? 3U * 72 : 0U);
    EXPECT_EQ(use.last != MonoTime{}, is_a);
  }
  pair(kA4, kB6);  // moved: the counters go on
  EXPECT_EQ(relay->usage()->size(), 3U);
}

TEST_F(RelayProgramTest, r4_one_channel_above_its_rate_does_not_slow_another) {
  pair(kA4, kB4);
  config.bytes_per_second = 7200;  // a hundred of these a second, and ten at once
  ASSERT_TRUE(relay->set_config(config));
  int sent = 0;
  for (int i = 0; i < 100; ++i) {
    sent += arrive(data("198.51.100.10", kChannelA)).verdict == kXdpTx ? 1 : 0;
  }
  EXPECT_GE(sent, 10);
  EXPECT_LE(sent, 50);  // some time passes meanwhile
  EXPECT_EQ(arrive(data("198.51.100.20", kChannelB, 5000)).verdict, kXdpTx);
}

TEST_F(RelayProgramTest, a_second_run_takes_the_channels_over) {
  pair(kA4, kB4);
  auto again = Relay::open({.instance = "test", .max_channels = 64});
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_TRUE(again->adopted());
  EXPECT_EQ(again->channels()->size(), 2U);
  ASSERT_TRUE(again->set_channel(origin(kA6), relay::Channel(9), {origin(kB6), relay::Channel(8)}));
  arrive(data("198.51.100.10", kChannelA));
  const auto usage = again->usage();
  for (const RelayUse& use : *usage) {
    EXPECT_EQ(use.packets, use.source.channel == relay::Channel(kChannelA) ? 1U : 0U);
  }
}

TEST_F(RelayProgramTest, r4_more_channels_than_there_is_room_for_are_refused) {
  for (std::uint32_t i = 1; i <= 64; ++i) {
    ASSERT_TRUE(
        relay->set_channel(origin(kA4), relay::Channel(i), {origin(kB4), relay::Channel(i)}));
  }
  const auto refused =
      relay->set_channel(origin(kA4), relay::Channel(65), {origin(kB4), relay::Channel(65)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
}

TEST_F(RelayProgramTest, without_configuration_everything_passes) {
  pair(kA4, kB4);
  ASSERT_TRUE(relay->set_config({}));
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelA)).verdict, kXdpPass);
  EXPECT_EQ(counted(), "pass_unconfigured");
}

TEST_F(RelayProgramTest, without_a_port_it_tests_itself_and_everything_else_passes) {
  pair(kA4, kB4);
  config.port = Port(0);
  config.probe = ip("198.51.100.10");
  ASSERT_TRUE(relay->set_config(config));
  EXPECT_EQ(arrive(data("198.51.100.10", kChannelA)).verdict, kXdpPass);
  Frame to_port_zero = data("198.51.100.10", kChannelA);
  to_port_zero.dport = 0;
  EXPECT_EQ(arrive(to_port_zero).verdict, kXdpPass);
  EXPECT_EQ(counted(), "pass pass");
  Bytes reply = {2, 0, 0, 0, 1, 1, 2,    0,   0,  0,   2,  0x10, 8, 6, 0, 1, 8, 0,   6,  4,   0,
                 2, 2, 0, 0, 0, 2, 0x10, 198, 51, 100, 10, 2,    0, 0, 0, 1, 1, 198, 51, 100, 1};
  EXPECT_EQ(arrive(reply).verdict, kXdpTx);
  EXPECT_EQ(counted(), "probe_sent");
}

TEST_F(RelayProgramTest, is_never_attached_to_lo) {
  const auto refused = relay->attach(IfIndex(1), XdpMode::kGeneric);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
}

TEST_F(RelayProgramTest, attaches_changes_its_mode_and_detaches) {
  for (const XdpMode mode : {XdpMode::kNative, XdpMode::kGeneric, XdpMode::kNative}) {
    ASSERT_TRUE(relay->attach(port, mode));
    ASSERT_TRUE(relay->attach(port, mode));  // again: nothing to do
    const auto state = relay->query(port);
    ASSERT_TRUE(*state);
    EXPECT_EQ((*state)->mode, mode);
  }
  ASSERT_TRUE(relay->detach(port));
  EXPECT_FALSE(*relay->query(port));
}

}  // namespace
}  // namespace kernmesh::bpf::test
