// SPDX-License-Identifier: Apache-2.0
#include <random>

#include "bpf/abi/underlay.h"
#include "tests/bpf/underlay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

class UnderlayOut : public UnderlayTest {};

// Sum over pseudo-header and UDP of a finished packet; 0xffff is right.
unsigned udp_sum(const Bytes& frame) {
  const bool v6 = frame[14] >> 4U == 6;
  const std::size_t addresses = v6 ? 22 : 26, l4 = v6 ? 54 : 34;
  unsigned sum = ones_sum(frame.data() + addresses, v6 ? 32 : 8, 17);
  sum += get16(frame, l4 + 4);
  return ones_sum(frame.data() + l4, frame.size() - l4, sum);
}
// What a device does with CHECKSUM_PARTIAL: csum_start where WireGuard's UDP header was.
void fill_partial(Bytes& frame, std::size_t start) {
  const unsigned sum = ~ones_sum(frame.data() + start, frame.size() - start) & 0xffff;
  frame[start + 6] = static_cast<std::uint8_t>(sum >> 8);
  frame[start + 7] = static_cast<std::uint8_t>(sum);
}

TEST_F(UnderlayOut, rewrites_for_every_kind_of_path_with_right_checksums) {
  for (const std::uint32_t channel : {0U, 0xabcdef01U}) {
    for (const Hop& base : {v4, v6}) {
      for (const auto checksum : {Frame::Checksum::kPartial, Frame::Checksum::kComplete}) {
        Hop hop = base;
        hop.channel = channel;
        ASSERT_TRUE(underlay->set_path(peer, {.primary = hop}));
        Frame f = sent(message(4, 96));
        f.tos = 0x03;
        f.checksum = checksum;
        TestRun r = out(f);
        ASSERT_EQ(r.verdict, kRedirect);
        const bool six = !hop.source.is_v4();
        const std::size_t l4 = six ? 54 : 34, extra = channel != 0 ? 8 : 0;
        ASSERT_EQ(r.out.size(), l4 + 8 + extra + 96);
        EXPECT_EQ(get16(r.out, l4), kPublic);
        EXPECT_EQ(get16(r.out, l4 + 2), 7000U);
        EXPECT_EQ(get16(r.out, l4 + 4), 8 + extra + 96);
        EXPECT_EQ(six ? (r.out[14] << 4 | r.out[15] >> 4) & 0xff : r.out[15], 0x03);
        if (!six) {
          EXPECT_EQ(ones_sum(r.out.data() + 14, 20), 0xffffU);
          EXPECT_EQ(get16(r.out, 20), 0x4000U) << "DF";
        }
        if (checksum == Frame::Checksum::kPartial) fill_partial(r.out, l4 + extra);
        EXPECT_EQ(udp_sum(r.out), 0xffffU) << (six ? "v6" : "v4") << " channel " << channel;
        EXPECT_EQ(Bytes(r.out.end() - 96, r.out.end()), f.payload);
        EXPECT_EQ(counted(), channel != 0 ? "out_relay" : "out_direct");
      }
    }
  }
}

TEST_F(UnderlayOut, drops_everything_that_wireguard_does_not_send) {
  Frame other = sent();
  const auto refuse = [&](const char* what, const Frame& f) {
    SCOPED_TRACE(what);
    EXPECT_EQ(out(f).verdict, kDrop);
    EXPECT_EQ(counted(), "out_unexpected");
  };
  other.sport = 3;
  refuse("another socket's port", other);
  other = sent();
  other.dport = 3;
  refuse("another port", other);
  other = sent();
  other.src = "240.255.255.253";
  refuse("another source", other);
  other = sent();
  other.protocol = 6;
  refuse("TCP", other);
  other = sent();
  other.fragment = 0x2000;
  refuse("fragment", other);
  other = sent();
  other.ihl = 6;
  refuse("options", other);
  other = sent();
  other.ethertype = 0x0806;
  refuse("ARP", other);
  other = sent();
  other.checksum = Frame::Checksum::kNone;
  refuse("no checksum", other);
  other = sent(message(5, 64));
  refuse("not a WireGuard message", other);
  other = sent(message(4, 33));
  refuse("not padded", other);
  refuse("IPv6", Frame{.src = "fd00::1", .dst = "fd00::2"});
}

TEST_F(UnderlayOut, drops_what_has_no_path_or_does_not_fit) {
  Frame f = sent();
  f.dst = "240.0.0.9";
  EXPECT_EQ(out(f).verdict, kDrop);
  EXPECT_EQ(counted(), "out_no_path");
  Hop narrow = v4;
  for (const auto& [mtu, verdict] : {std::pair<int, int>{124, kRedirect}, {123, kDrop}}) {
    narrow.mtu_bytes = static_cast<std::uint16_t>(mtu);
    ASSERT_TRUE(underlay->set_path(peer, {.primary = narrow}));
    EXPECT_EQ(out(sent(message(4, 96))).verdict, verdict) << "20 + 8 + 96 bytes through " << mtu;
  }
  EXPECT_EQ(counted(), "out_direct out_too_big");
}

TEST_F(UnderlayOut, gives_the_agent_handshakes_with_and_without_a_path) {
  auto handshakes = underlay->handshakes();
  ASSERT_TRUE(handshakes) << handshakes.error().message();
  (void)handshakes->read();
  Frame f = sent(message(1, 148, 0x1234));
  EXPECT_EQ(out(f).verdict, kRedirect);
  auto sent_ones = handshakes->read();
  ASSERT_TRUE(sent_ones);
  ASSERT_FALSE(sent_ones->empty());
  EXPECT_TRUE(sent_ones->front().was_sent);
  EXPECT_EQ(sent_ones->front().message, f.payload);
  ASSERT_TRUE(underlay->clear_path(peer));
  const auto expect_given = [&](const Bytes& payload, const IpAddress& to) {
    f.payload = payload;
    EXPECT_EQ(out(f).verdict, kDrop);
    const auto got = handshakes->read();
    ASSERT_TRUE(got);
    // The program may run several times for one test.
    ASSERT_FALSE(got->empty());
    EXPECT_EQ(got->front().message, payload);
    EXPECT_FALSE(got->front().was_sent);
    EXPECT_EQ(got->front().synth, to);
  };
  expect_given(message(1, 148, 0x1235), peer);
  expect_given(message(2, 92, 0x1236), peer);
  f.dst = "240.0.0.9";
  expect_given(message(1, 148, 0x1237), ip("240.0.0.9"));
  f.payload = message(4, 96);
  EXPECT_EQ(out(f).verdict, kDrop);
  EXPECT_TRUE(handshakes->read()->empty()) << "data is WireGuard's to send again";
  for (int i = 0; i < 5000; ++i) out(sent(message(1, 148)));
  EXPECT_LE(handshakes->read()->size(), 256U * 1024 / 176) << "the buffer bounds it";
}

TEST_F(UnderlayOut, takes_the_second_hop_when_told_and_for_the_second_copy) {
  ASSERT_TRUE(underlay->set_path(peer, {.primary = v4, .secondary = v6, .use = Use::kSecondary}));
  EXPECT_EQ(out(sent()).out[14] >> 4U, 6U);
  ASSERT_TRUE(underlay->set_path(peer, {.primary = v4, .secondary = v6}));
  EXPECT_EQ(out(sent()).out[14] >> 4U, 4U);
  __sk_buff marked{};
  marked.mark = MESH_MARK_SECOND_COPY;
  EXPECT_EQ(out(sent(), marked).out[14] >> 4U, 6U);
}

TEST_F(UnderlayOut, counts_a_sent_packet_once) {
  out(sent());
  const auto t = underlay->traffic(peer);
  ASSERT_TRUE(t && *t);
  EXPECT_EQ((*t)->tx_pkts, 1U);
  EXPECT_EQ((*t)->tx_bytes, 64U);
}

TEST_F(UnderlayOut, notes_when_wireguard_wants_a_peer_that_has_no_path) {
  const IpAddress lost = synthetic_peer(9);
  ASSERT_TRUE(underlay->track(lost));
  EXPECT_TRUE(underlay->tracked()->size() == 2 && underlay->paths()->size() == 1);
  Frame f = sent();
  f.dst = "240.0.0.9";
  EXPECT_EQ(out(f).verdict, kDrop);
  EXPECT_EQ(counted(), "out_no_path");
  const auto t = underlay->traffic(lost);
  ASSERT_TRUE(t && *t);
  EXPECT_EQ((*t)->tx_pkts, 0U);
  EXPECT_EQ((*t)->tx_bytes, 0U);
  EXPECT_GT((*t)->tx_last, MonoTime{});
}

TEST_F(UnderlayOut, keeps_the_counters_of_a_peer_whose_path_goes) {
  out(sent());
  ASSERT_TRUE(underlay->clear_path(peer));
  EXPECT_FALSE(*underlay->path(peer));
  EXPECT_EQ(out(sent()).verdict, kDrop);
  ASSERT_TRUE(underlay->track(peer));
  ASSERT_TRUE(underlay->set_path(peer, {.primary = v4}));
  out(sent());
  EXPECT_EQ((*underlay->traffic(peer))->tx_pkts, 2U);
  ASSERT_TRUE(underlay->remove_path(peer));
  EXPECT_FALSE(*underlay->traffic(peer));
}

TEST_F(UnderlayOut, gives_every_peer_counters_of_its_own_and_refuses_one_too_many) {
  for (std::uint32_t n = 2; n <= 64; ++n) ASSERT_TRUE(underlay->track(synthetic_peer(n)));
  EXPECT_FALSE(underlay->track(synthetic_peer(65))) << "max_peers is 64";
  out(sent());
  for (std::uint32_t n = 2; n <= 64; ++n) {
    ASSERT_EQ((*underlay->traffic(synthetic_peer(n)))->tx_pkts, 0U) << n;
  }
  ASSERT_TRUE(underlay->remove_path(peer));
  ASSERT_TRUE(underlay->track(synthetic_peer(65)));
  EXPECT_EQ((*underlay->traffic(synthetic_peer(65)))->tx_pkts, 0U) << "counters start anew";
}

TEST_F(UnderlayOut, refuses_paths_that_cannot_work) {
  Hop bad = v4;
  bad.source = ip("fd00::1");
  EXPECT_FALSE(underlay->set_path(peer, {.primary = bad}));
  EXPECT_FALSE(underlay->set_path(peer, {.primary = v4, .use = Use::kBoth}));
  bad = v4;
  bad.interface = meshu;
  EXPECT_FALSE(underlay->set_path(peer, {.primary = bad})) << "through meshu itself";
  EXPECT_FALSE(underlay->set_path(ip("10.0.0.1"), {.primary = v4}));
}

TEST_F(UnderlayOut, reads_back_what_was_written) {
  const Path path{.primary = v4,
                  .secondary = v6,
                  .use = Use::kBoth,
                  .deadline = MonoTime(std::chrono::nanoseconds(123))};
  ASSERT_TRUE(underlay->set_path(peer, path));
  const auto back = underlay->path(peer);
  ASSERT_TRUE(back && *back);
  EXPECT_EQ(**back, path);
  ASSERT_TRUE(underlay->remove_path(peer));
  EXPECT_TRUE(underlay->paths()->empty());
}

TEST_F(UnderlayOut, random_frames_never_leave_unless_wireguard_sent_them) {
  const unsigned seed = 4711;
  std::mt19937 random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  int sent_count = 0;
  for (int i = 0; i < 100000; ++i) {
    Bytes bytes =
        sent(message(static_cast<std::uint8_t>(random() % 6), 16 * (1 + random() % 10))).bytes();
    for (unsigned n = random() % 4; n > 0; --n)
      bytes[12 + random() % (bytes.size() - 12)] ^= static_cast<std::uint8_t>(1U << random() % 8);
    if (random() % 4 == 0) bytes.resize(15 + random() % (bytes.size() - 14));
    const TestRun r = run(underlay->program_fd("underlay_out"), bytes);
    if (r.error != 0) continue;
    ASSERT_TRUE(r.verdict == kDrop || r.verdict == kRedirect) << r.verdict;
    if (r.verdict != kRedirect) continue;
    ++sent_count;
    ASSERT_EQ(Bytes(bytes.begin() + 26, bytes.begin() + 38),
              (Bytes{240, 255, 255, 254, 240, 0, 0, 1, 0, kWg, 0, kSynth}));
    ASSERT_EQ(
        Bytes(r.out.begin() + 26, r.out.begin() + 38),
        (Bytes{10, 0, 0, 1, 10, 0, 0, 2, kPublic >> 8, kPublic & 0xff, 7000 >> 8, 7000 & 0xff}));
  }
  EXPECT_GT(sent_count, 1000);
}

}  // namespace
}  // namespace kernmesh::bpf::test
