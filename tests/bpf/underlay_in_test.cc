// SPDX-License-Identifier: Apache-2.0
#include <random>

#include "tests/bpf/underlay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

class UnderlayIn : public UnderlayTest {};

void expect_delivered(const TestRun& r, const Frame& f, std::size_t message_bytes) {
  ASSERT_EQ(r.verdict, kRedirect);
  ASSERT_EQ(r.out.size(), 14 + 28 + message_bytes);
  EXPECT_EQ(Bytes(r.out.begin(), r.out.begin() + 6), (Bytes{2, 0, 0, 0, 0, 2}));
  EXPECT_EQ(get16(r.out, 12), 0x0800U);
  EXPECT_EQ(r.out[15], f.tos);
  EXPECT_EQ(get16(r.out, 16), 28 + message_bytes);
  EXPECT_EQ(ones_sum(r.out.data() + 14, 20), 0xffffU) << "IPv4 header checksum";
  EXPECT_EQ(Bytes(r.out.begin() + 26, r.out.begin() + 34),
            (Bytes{240, 0, 0, 1, 240, 255, 255, 254}));
  EXPECT_EQ(get16(r.out, 34), kSynth);
  EXPECT_EQ(get16(r.out, 36), kWg);
  EXPECT_EQ(get16(r.out, 38), 8 + message_bytes);
  EXPECT_EQ(get16(r.out, 40), 0U);
}

TEST_F(UnderlayIn, delivers_every_message_type_from_a_known_source_over_both_families) {
  for (const bool v6 : {false, true}) {
    for (const auto& [type, size] :
         {std::pair<int, int>{1, 148}, {2, 92}, {3, 64}, {4, 32}, {4, 1424}}) {
      Frame f;
      if (v6) f.src = "fd00::2", f.dst = "fd00::1";
      f.payload = message(static_cast<std::uint8_t>(type), static_cast<std::size_t>(size));
      const TestRun r = in(f);
      expect_delivered(r, f, f.payload.size());
      EXPECT_EQ(Bytes(r.out.begin() + 42, r.out.end()), f.payload);
      EXPECT_EQ(counted(), "in_address");
    }
  }
}

TEST_F(UnderlayIn, keeps_dscp_and_ecn) {
  for (const bool v6 : {false, true}) {
    for (const std::uint8_t tos : {0x01, 0x02, 0x03, 0xb8, 0xff}) {
      Frame f;
      if (v6) f.src = "fd00::2", f.dst = "fd00::1";
      f.tos = tos;
      expect_delivered(in(f), f, 64);
    }
  }
}

TEST_F(UnderlayIn, leaves_to_the_host_what_is_not_wireguard_for_it) {
  struct Case {
    const char* what;
    Frame frame;
    const char* reason;
  };
  const Case cases[] = {
      {"another port", {.dport = 4243}, "in_pass"},
      {"another destination", {.dst = "10.0.0.7"}, "in_pass"},
      {"another destination, IPv6", {.src = "fd00::2", .dst = "fd00::7"}, "in_pass"},
      {"TCP", {.protocol = 6}, "in_pass"},
      {"IPv4 options", {.ihl = 6}, "in_pass"},
      {"options to the end", {.ihl = 15}, "in_pass"},
      {"header shorter than a header", {.ihl = 4}, "in_pass"},
      {"first fragment", {.fragment = 0x2000}, "in_pass_fragment"},
      {"later fragment", {.fragment = 1}, "in_pass_fragment"},
      {"last fragment", {.fragment = 0x1fff}, "in_pass_fragment"},
      {"fragment for another", {.dst = "10.0.0.7", .fragment = 1}, "in_pass"},
      {"IPv6 fragment", {.src = "fd00::2", .dst = "fd00::1", .protocol = 44}, "in_pass_fragment"},
      {"IPv6 hop-by-hop", {.src = "fd00::2", .dst = "fd00::1", .protocol = 0}, "in_pass"},
      {"IPv4 written as IPv6", {.src = "::ffff:10.0.0.2", .dst = "::ffff:10.0.0.1"}, "in_pass"},
      {"UDP length zero", {.udp_len = 0}, "in_pass"},
      {"UDP length below its header", {.udp_len = 7}, "in_pass"},
      {"UDP longer than the packet", {.udp_len = 999}, "in_pass"},
      {"IP longer than the frame", {.ip_len = 1400}, "in_pass"},
      {"IP shorter than UDP", {.ip_len = 40}, "in_pass"},
      {"ARP", {.ethertype = 0x0806}, "in_pass"},
      {"empty", {.payload = {}}, "in_pass_control"},
      {"STUN",
       {.payload = Bytes{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4}},
       "in_pass_control"},
      {"type 0", {.payload = message(0, 148)}, "in_pass_control"},
      {"type 5", {.payload = message(5, 148)}, "in_pass_control"},
      {"initiation too short", {.payload = message(1, 147)}, "in_pass_control"},
      {"initiation too long", {.payload = message(1, 149)}, "in_pass_control"},
      {"response of wrong size", {.payload = message(2, 91)}, "in_pass_control"},
      {"cookie of wrong size", {.payload = message(3, 65)}, "in_pass_control"},
      {"data too short", {.payload = message(4, 16)}, "in_pass_control"},
      {"data not padded", {.payload = message(4, 33)}, "in_pass_control"},
      {"relay header of channel 0",
       {.payload = Bytes{0xd1, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0}},
       "in_pass_control"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const TestRun r = in(c.frame);
    EXPECT_EQ(r.verdict, kNext);
    EXPECT_EQ(r.out, c.frame.bytes()) << "changed a packet that is not ours";
    EXPECT_EQ(counted(), c.reason);
  }
}

TEST_F(UnderlayIn, drops_wireguard_messages_of_nobody_known_and_counts_them) {
  Frame f{.src = "10.0.0.66", .payload = message(1, 148)};
  EXPECT_EQ(in(f).verdict, kDrop);
  EXPECT_EQ(counted(), "in_unknown_initiation");
  for (const auto& [type, size] : {std::pair<int, int>{2, 92}, {3, 64}, {4, 64}}) {
    f.payload = message(static_cast<std::uint8_t>(type), static_cast<std::size_t>(size));
    EXPECT_EQ(in(f).verdict, kDrop);
    EXPECT_EQ(counted(), "in_unknown_data");
  }
  f = {.sport = 7001};
  EXPECT_EQ(in(f).verdict, kDrop) << "known address, other port";
}

TEST_F(UnderlayIn, reports_an_unknown_initiation_within_a_budget) {
  auto events = underlay->events();
  ASSERT_TRUE(events) << events.error().message();
  (void)events->read();
  const Frame f{.src = "fd00::66", .dst = "fd00::1", .sport = 9, .payload = message(1, 148)};
  for (int i = 0; i < 500; ++i) in(f);
  const auto got = events->read();
  ASSERT_TRUE(got);
  ASSERT_GE(got->size(), 1U);
  EXPECT_LE(got->size(), 32U * 2 * 8) << "budget is per second and CPU";
  EXPECT_LT(got->size(), 500U);
  EXPECT_EQ(got->front().source, endpoint("[fd00::66]:9"));
  EXPECT_EQ(got->front().destination, ip("fd00::1"));
}

TEST_F(UnderlayIn, finds_a_moved_peer_by_the_index_of_our_own_handshake) {
  out(sent(message(1, 148, 0xaaaa0001)));
  (void)counted();
  Frame f{.src = "10.9.9.9", .sport = 99};
  f.payload = message(2, 92, 0x1, 0xaaaa0001);
  expect_delivered(in(f), f, 92);
  f.payload = message(4, 64, 0xaaaa0001);
  expect_delivered(in(f), f, 64);
  EXPECT_EQ(counted(), "in_index in_index");
  f.payload = message(1, 148, 0xaaaa0001);
  EXPECT_EQ(in(f).verdict, kDrop) << "an initiation's index is the sender's own choice";
  f.payload = message(4, 64, 0xaaaa0002);
  EXPECT_EQ(in(f).verdict, kDrop);
  const auto sources = underlay->sources();
  EXPECT_EQ(sources->size(), 3U) << "no address is learnt from it";
}

// WireGuard would answer it, forget its own, and refuse the peer's answer to that.
TEST_F(UnderlayIn, of_two_initiations_that_cross_the_one_of_the_greater_index_stands) {
  constexpr std::uint32_t kOurs = 0x7fff0100, kLess = 0x7ffe0200, kMore = 0x7fff0101;
  Frame relayed{.src = "10.0.0.9", .sport = 3479};
  const auto direct_in = [&](const Bytes& payload) {
    return in(Frame{.payload = payload}).verdict;
  };
  const auto relay_in = [&](const Bytes& payload) {
    relayed.payload = {0xd1, 0x01, 0, 0, 0, 7, 0, 0};
    relayed.payload.insert(relayed.payload.end(), payload.begin(), payload.end());
    return in(relayed).verdict;
  };
  EXPECT_EQ(direct_in(message(1, 148, kLess)), kRedirect) << "we have begun nothing";
  EXPECT_EQ(out(sent(message(1, 148, kOurs))).verdict, kRedirect);
  (void)counted();
  EXPECT_EQ(direct_in(message(1, 148, kLess)), kDrop);
  EXPECT_EQ(relay_in(message(1, 148, kLess)), kDrop);
  EXPECT_EQ(counted(), "in_unknown_initiation in_unknown_initiation");
  EXPECT_EQ(direct_in(message(1, 148, kMore)), kRedirect);
  EXPECT_EQ(relay_in(message(1, 148, kMore)), kRedirect);
  EXPECT_EQ(direct_in(message(2, 92, kLess, kOurs)), kRedirect) << "the answer to ours";
  EXPECT_EQ(direct_in(message(4, 64, kLess)), kRedirect);

  ASSERT_TRUE(underlay->forget_begun(peer));
  EXPECT_EQ(direct_in(message(1, 148, kLess)), kRedirect) << "ours was in vain";
  const auto begun = message(1, 148, kOurs);
  const MonoTime long_ago(std::chrono::nanoseconds(1));
  ASSERT_TRUE(underlay->note_begun(long_ago, peer, begun));
  EXPECT_EQ(direct_in(message(1, 148, kLess)), kRedirect) << "ours was lost";
  EXPECT_FALSE(
      underlay->gives_way(long_ago + std::chrono::seconds(1), peer, message(1, 148, kLess)));
  EXPECT_TRUE(underlay->gives_way(long_ago, peer, message(1, 148, kLess)));
  EXPECT_FALSE(underlay->gives_way(long_ago, peer, message(1, 148, kMore)));
  EXPECT_FALSE(underlay->gives_way(long_ago, ip("240.0.0.9"), message(1, 148, kLess)));
}

TEST_F(UnderlayIn, takes_a_relayed_message_off_its_header) {
  Frame f{.src = "10.0.0.9", .sport = 3479};
  const Bytes inner = message(4, 96);
  f.payload = {0xd1, 0x01, 0, 0, 0, 7, 0, 0};
  f.payload.insert(f.payload.end(), inner.begin(), inner.end());
  const TestRun r = in(f);
  expect_delivered(r, f, 96);
  EXPECT_EQ(Bytes(r.out.begin() + 42, r.out.end()), inner);
  EXPECT_EQ(counted(), "in_relay");
  f.payload[5] = 8;
  EXPECT_EQ(in(f).verdict, kDrop);
  EXPECT_EQ(counted(), "in_unknown_channel");
  f.payload[5] = 7;
  f.payload[8] = 9;
  EXPECT_EQ(in(f).verdict, kDrop);
  EXPECT_EQ(counted(), "in_bad_inner");
}

// Whose channel it is the agent knows, also before it has written it into the map.
TEST_F(UnderlayIn, passes_path_discovery_in_a_relays_channel_as_it_came) {
  for (const std::uint8_t channel : {7, 8}) {
    Frame f{.src = "10.0.0.9", .sport = 3479};
    f.payload = {0xd1, 0x01, 0, 0, 0, channel, 0, 0, 0xd4, 0x60, 0x0d, 0x15, 1};
    f.payload.resize(8 + 120);
    const TestRun r = in(f);
    EXPECT_EQ(r.verdict, kNext) << int{channel};
    EXPECT_EQ(r.out, f.bytes());
    EXPECT_EQ(counted(), "in_pass_control");
  }
}

// Or somebody could take it for a proof of the direct way.
TEST_F(UnderlayIn, counts_what_came_through_a_relay_apart) {
  ASSERT_TRUE(underlay->set_source({endpoint("10.0.0.9:3479"), 77}, peer));
  const auto before = underlay->traffic(peer);
  ASSERT_TRUE(before && *before);
  Frame f{.src = "10.0.0.9", .sport = 3479};
  const Bytes inner = message(4, 96);
  f.payload = {0xd1, 0x01, 0, 0, 0, 77, 0, 0};
  f.payload.insert(f.payload.end(), inner.begin(), inner.end());
  in(f);
  const auto after = underlay->traffic(peer);
  ASSERT_TRUE(after && *after);
  EXPECT_EQ((*after)->rx_last, (*before)->rx_last);
  EXPECT_GT((*after)->rx_last_relayed, (*before)->rx_last_relayed);
  EXPECT_EQ((*after)->rx_pkts, (*before)->rx_pkts + 1);
  EXPECT_EQ((*after)->rx_bytes, (*before)->rx_bytes + 96);
}

TEST_F(UnderlayIn, leaves_a_tagged_packet_to_the_vlan_device) {
  Bytes tagged = Frame{}.bytes();
  tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x00, 0x0a});
  EXPECT_EQ(run(underlay->program_fd("underlay_in"), tagged).verdict, kNext);
}

TEST_F(UnderlayIn, passes_everything_until_it_is_configured) {
  const std::uint32_t zero = 0;
  const std::uint8_t nothing[16] = {};
  ASSERT_EQ(bpf_map_update_elem(underlay->map_fd("config"), &zero, nothing, BPF_ANY), 0);
  EXPECT_EQ(in({}).verdict, kNext);
  EXPECT_EQ(counted(), "in_pass_unconfigured");
  EXPECT_EQ(out(sent()).verdict, kDrop);
  EXPECT_EQ(counted(), "out_unconfigured");
}

TEST_F(UnderlayIn, never_delivers_a_truncated_packet) {
  for (const bool v6 : {false, true}) {
    Frame f;
    if (v6) f.src = "fd00::2", f.dst = "fd00::1";
    const Bytes whole = f.bytes();
    for (std::size_t size = 15; size < whole.size(); ++size) {
      const TestRun r =
          run(underlay->program_fd("underlay_in"),
              Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      if (r.error != 0) continue;
      EXPECT_EQ(r.verdict, kNext) << size << " bytes";
    }
  }
}

TEST_F(UnderlayIn, counts_what_a_peer_sent) {
  in({});
  in({});
  const auto t = underlay->traffic(peer);
  ASSERT_TRUE(t && *t);
  EXPECT_EQ((*t)->rx_pkts, 2U);
  EXPECT_EQ((*t)->rx_bytes, 128U);
  EXPECT_NE((*t)->rx_last, MonoTime{});
}

// Random and mutated frames: whatever they are, only a known source's (or a known index's) message
// is ever delivered, and what is passed is unchanged.
TEST_F(UnderlayIn, random_frames_are_delivered_only_from_known_sources) {
  const unsigned seed = 20240607;
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  int delivered = 0;
  for (int i = 0; i < 100000; ++i) {
    Frame f;
    if (random() % 2 != 0) f.src = "fd00::2", f.dst = "fd00::1";
    f.payload = message(static_cast<std::uint8_t>(1 + random() % 4), 32 + 16 * (random() % 8));
    Bytes bytes = f.bytes();
    for (unsigned n = random() % 4; n > 0; --n) {
      bytes[12 + random() % (bytes.size() - 12)] ^= static_cast<std::uint8_t>(1U << random() % 8);
    }
    if (random() % 4 == 0) bytes.resize(15 + random() % (bytes.size() - 14));
    const TestRun r = run(underlay->program_fd("underlay_in"), bytes);
    if (r.error != 0) continue;
    ASSERT_TRUE(r.verdict == kNext || r.verdict == kDrop || r.verdict == kRedirect);
    if (r.verdict == kNext) {
      ASSERT_EQ(r.out, bytes);
    }
    if (r.verdict != kRedirect) continue;
    ++delivered;
    const bool six = get16(bytes, 12) == 0x86dd;
    ASSERT_TRUE(six || get16(bytes, 12) == 0x0800);
    const std::size_t at = six ? 22 : 26;
    const Bytes known = f.address(six ? "fd00::2" : "10.0.0.2");
    if (six == f.v6()) {
      ASSERT_EQ(Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                      bytes.begin() + static_cast<std::ptrdiff_t>(at + known.size())),
                known);
    }
    ASSERT_EQ(get16(bytes, six ? 54 : 34), 7000U);
    ASSERT_EQ(r.out[26], 240);
  }
  EXPECT_GT(delivered, 1000) << "the test must also meet good packets";
}

}  // namespace
}  // namespace kernmesh::bpf::test
