// SPDX-License-Identifier: Apache-2.0
// Answers to denied packets: what they say, byte by byte, and what never gets one.
#include <sched.h>

#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

// The sum over transport header, data and pseudo-header; 0xffff is right.
unsigned transport_sum(const Reading& r) {
  Bytes pseudo;
  const std::size_t size = r.src.is_v4() ? 4 : 16;
  for (const IpAddress& a : {r.src, r.dst}) {
    pseudo.insert(pseudo.end(), a.bytes().begin(), a.bytes().begin() + static_cast<int>(size));
  }
  put16(pseudo, r.protocol);
  put16(pseudo, static_cast<unsigned>(r.body.size()));
  const unsigned start = r.protocol == kIcmp ? 0 : ones_sum(pseudo.data(), pseudo.size());
  return ones_sum(r.body.data(), r.body.size(), start);
}

class AclRefusal : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    enforce(kNobodyMay);
  }
  // The answer, after what every answer has in common was checked.
  Reading answer_to(const Packet& packet) {
    const Outcome outcome = in(packet);
    EXPECT_EQ(outcome.reason, "in_refused");
    EXPECT_EQ(outcome.verdict, kRedirect);
    const Bytes asked = packet.frame();
    const Reading from = read_frame(asked), r = read_frame(outcome.frame);
    EXPECT_EQ(r.fault, "");
    EXPECT_EQ(r.src, from.dst);
    EXPECT_EQ(r.dst, from.src);
    EXPECT_EQ(transport_sum(r), 0xffffu) << to_text(outcome.frame);
    if (r.src.is_v4()) {
      EXPECT_EQ(ones_sum(outcome.frame.data() + 14, 20), 0xffffu);
      EXPECT_EQ(get16(outcome.frame, 20), 0x4000u) << "not to be fragmented";
    }
    const std::size_t header = r.src.is_v4() ? 20 : 40;
    EXPECT_EQ(outcome.frame.size(), 14 + header + r.body.size()) << "nothing behind it";
    EXPECT_EQ(outcome.frame[14 + (r.src.is_v4() ? 8 : 7)], 64) << "TTL";
    const Bytes to(outcome.frame.begin(), outcome.frame.begin() + 6);
    EXPECT_EQ(to, Bytes(asked.begin() + 6, asked.begin() + 12)) << "back to where it came from";
    return r;
  }
  void expect_silence(const Packet& packet, const std::string& reason) {
    const Outcome outcome = in(packet);
    EXPECT_EQ(outcome.reason, reason) << to_text(packet.frame());
    EXPECT_EQ(outcome.verdict, kDrop);
  }
  const Ends v4{}, v6{kAda6, kUs6, 40000, 80};
};

struct Reset {
  TcpHead denied;
  std::uint8_t flags;
  std::uint32_t seq, ack;
};

TEST_F(AclRefusal, tcp_gets_a_reset_that_its_sender_accepts) {
  const std::vector<Reset> cases = {
      {{.flags = kSyn, .seq = 1000}, kRst | kAck, 0, 1001},
      {{.flags = kSyn, .offset = 10, .seq = 1000, .data = 5}, kRst | kAck, 0, 1006},
      {{.flags = kSyn, .seq = 0xffffffff}, kRst | kAck, 0, 0},
      {{.flags = kAck, .seq = 1000, .ack = 77}, kRst, 77, 0},
      {{.flags = kSyn | kAck, .seq = 1000, .ack = 78}, kRst, 78, 0},
      {{.flags = kFin | kAck, .seq = 1000, .ack = 79, .data = 1200}, kRst, 79, 0},
  };
  for (const Ends& ends : {v4, v6}) {
    for (const Reset& c : cases) {
      const Reading r = answer_to(tcp(ends, c.denied));
      ASSERT_EQ(r.protocol, kTcp);
      ASSERT_EQ(r.body.size(), 20u);
      EXPECT_EQ(r.sport, 80);
      EXPECT_EQ(r.dport, 40000);
      EXPECT_EQ(r.flags, c.flags);
      EXPECT_EQ(get32(r.body, 4), c.seq);
      EXPECT_EQ(get32(r.body, 8), c.ack);
    }
  }
}

TEST_F(AclRefusal, others_get_an_error_that_quotes_them) {
  for (const Packet& p :
       {udp(v4), udp(v4, 1200), udp(v4, 0), echo({kAda, kUs, 7, 0}), sctp(v4), other(v4, kGre)}) {
    const Reading r = answer_to(p);
    EXPECT_EQ(r.protocol, kIcmp);
    EXPECT_EQ(r.flags, 3) << "unreachable";
    EXPECT_EQ(r.code, 13) << "prohibited";
    const Bytes asked = p.ip();
    EXPECT_EQ(Bytes(r.body.begin() + 8, r.body.end()), Bytes(asked.begin(), asked.begin() + 28));
  }
  for (const Packet& p : {udp(v6), udp(v6, 1200), echo({kAda6, kUs6, 7, 0}), sctp(v6)}) {
    const Reading r = answer_to(p);
    EXPECT_EQ(r.protocol, kIcmp6);
    EXPECT_EQ(r.flags, 1);
    EXPECT_EQ(r.code, 1);
    const Bytes asked = p.ip();
    EXPECT_EQ(Bytes(r.body.begin() + 8, r.body.end()), Bytes(asked.begin(), asked.begin() + 48));
  }
}

TEST_F(AclRefusal, bytes_behind_the_packet_are_not_in_the_answer) {
  Packet padded = udp(v4, 8);
  padded.length = 36;
  padded.body.resize(200, 0xee);
  EXPECT_EQ(answer_to(padded).body.size(), 36u);
}

TEST_F(AclRefusal, never_in_answer_to_resets_errors_answers_fragments_and_groups) {
  expect_silence(tcp(v4, kRst), "in_denied");
  expect_silence(tcp(v6, kRst | kAck), "in_denied");
  expect_silence(unreachable({kAda, kUs, 0, 0}, tcp(v4.back())), "in_bad_error");
  expect_silence(unreachable({kAda6, kUs6, 0, 0}, tcp(v6.back())), "in_bad_error");
  expect_silence(echo_answer({kUs, kAda, 7, 0}), "in_denied");
  expect_silence(icmp({kAda, kUs, 7, 0}, 14), "in_denied");
  expect_silence(icmp({kAda, kUs, 7, 0}, 17), "in_denied");
  expect_silence(fragment(udp(v4, 120), {0, 64}), "in_denied");
  expect_silence(fragment(udp(v4, 120), {64, 128}), "in_orphan");
  expect_silence(fragment(udp(v6, 120), {0, 64}), "in_denied");
  expect_silence(udp({kAda, "224.0.0.5", 1, 2}), "in_multicast");
  expect_silence(udp({kAda6, "ff02::1", 1, 2}), "in_multicast");
  expect_silence(with(udp(v6), {Extension{}}), "in_denied");
  expect_silence(tcp({"100.64.0.9", kUs, 1, 80}), "in_unknown_source");
  expect_silence(tcp({kAda, "8.8.8.8", 1, 80}), "in_not_ours");
}

TEST_F(AclRefusal, quiet_nodes_do_not_answer) {
  ASSERT_TRUE(acl->set({.quiet = true}));
  expect_silence(tcp(v4), "in_denied");
  expect_silence(udp(v6), "in_denied");
  ASSERT_TRUE(acl->set({}));
  EXPECT_EQ(in(tcp(v4)).reason, "in_refused");
}

TEST_F(AclRefusal, there_are_no_more_than_a_thousand_a_second_and_cpu) {
  cpu_set_t all_cpus, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all_cpus), &all_cpus), 0);
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const Bytes frame = tcp(v4).frame();
  const auto began = std::chrono::steady_clock::now();
  long answered = 0;
  for (int i = 0; i < 20'000; ++i) {
    answered += run(acl->program_fd("acl_in"), frame).verdict == kRedirect;
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began)
          .count();
  ASSERT_EQ(sched_setaffinity(0, sizeof(all_cpus), &all_cpus), 0);
  EXPECT_GE(answered, MESH_ACL_REFUSALS_PER_SECOND);
  EXPECT_LE(answered, MESH_ACL_REFUSALS_PER_SECOND * (seconds + 2));
}

TEST_F(AclRefusal, leaves_by_the_interface_it_came_in_and_a_local_mark_does_not_open_that_way) {
  __sk_buff refusal{};
  refusal.mark = MESH_MARK_REFUSAL;
  refusal.ifindex = refusal.ingress_ifindex = 1;
  const Packet reset = tcp(v4.back(), kRst);
  EXPECT_EQ(out(reset, refusal).reason, "out_refusal");
  refusal.ingress_ifindex = 0;
  EXPECT_EQ(out(reset, refusal).reason, "out_revoked") << "sent by a local process";
  refusal.ingress_ifindex = 1;
  refusal.mark = 0;
  EXPECT_EQ(out(reset, refusal).reason, "out_revoked") << "forwarded";
}

}  // namespace
}  // namespace kernmesh::bpf::test
