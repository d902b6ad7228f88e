// SPDX-License-Identifier: Apache-2.0
// Flows that this node opened: what counts as their answer, how they end, what is no reply (D6).
#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

using std::chrono::seconds;

class AclFlow : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    enforce(kNobodyMay);
  }
  // Established by this node.
  void connect(const Ends& ends) {
    ASSERT_EQ(out(tcp(ends)).reason, "out_opened");
    ASSERT_EQ(in(tcp(ends.back(), kSyn | kAck)).reason, "in_flow");
    ASSERT_EQ(out(tcp(ends, kAck)).reason, "out_flow");
  }
  const Ends ssh{kUs, kBob, 50000, 22};
};

class AclD6 : public AclFlow {};

bool has_flags_of_a_connection(unsigned flags) {
  switch (flags & (kFin | kSyn | kRst | kAck | kUrg)) {
    case kSyn:
    case kSyn | kUrg:
    case kSyn | kAck:
    case kRst:
    case kRst | kAck:
    case kFin | kAck:
    case kFin | kAck | kUrg:
    case kAck:
    case kAck | kUrg:
      return true;
    default:
      return false;
  }
}

TEST_F(AclD6, sets_of_flags_that_no_connection_has_drop_both_ways) {
  enforce(kAdaMay);
  for (unsigned flags = 0; flags < 256; ++flags) {
    const auto bits = static_cast<std::uint8_t>(flags);
    EXPECT_EQ(in(tcp(Ends{}, bits)).reason,
              has_flags_of_a_connection(flags) ? "in_allowed" : "in_tcp_flags")
        << flags;
  }
  for (unsigned flags = 0; flags < 256; ++flags) {
    const Outcome sent = out(tcp(Ends{}.back(), static_cast<std::uint8_t>(flags)));
    EXPECT_EQ(sent.reason == "out_malformed", !has_flags_of_a_connection(flags)) << flags;
    EXPECT_EQ(sent.verdict == kNext, has_flags_of_a_connection(flags)) << flags;
  }
}

TEST_F(AclD6, no_segment_without_a_flow_is_a_reply) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    if (!has_flags_of_a_connection(flags)) continue;
    const auto bits = static_cast<std::uint8_t>(flags);
    EXPECT_EQ(in(tcp(ssh.back(), bits)).reason, (flags & kRst) != 0 ? "in_denied" : "in_refused")
        << flags;
  }
}

TEST_F(AclD6, datagrams_and_icmp_answers_without_a_flow_are_no_reply) {
  EXPECT_EQ(in(udp(ssh.back())).reason, "in_refused");
  EXPECT_EQ(in(echo_answer({kUs, kBob, 7, 0})).reason, "in_denied");
  EXPECT_EQ(in(icmp({kBob, kUs, 7, 0}, 14)).reason, "in_denied");
  EXPECT_EQ(in(echo_answer({kUs6, kAda6, 7, 0})).reason, "in_denied");
  EXPECT_EQ(in(sctp(ssh.back(), kSctpInitAck)).reason, "in_refused");
  EXPECT_EQ(in(other(ssh.back(), kGre)).reason, "in_refused");
}

TEST_F(AclD6, both_ends_may_open_at_once) {
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  EXPECT_EQ(in(tcp(ssh.back())).reason, "in_flow");
  EXPECT_EQ(out(tcp(ssh, kSyn | kAck)).reason, "out_flow");
  EXPECT_EQ(in(tcp(ssh.back(), kSyn | kAck)).reason, "in_flow");
  EXPECT_EQ(in(tcp(ssh.back())).reason, "in_refused") << "once answered, a SYN is a new one";
}

TEST_F(AclFlow, answers_come_in_on_a_connection_of_ours) {
  connect(ssh);
  EXPECT_EQ(in(tcp(ssh.back(), kAck | kPsh)).reason, "in_flow");
  EXPECT_EQ(out(tcp(ssh, kAck | kPsh)).reason, "out_flow");
}

TEST_F(AclFlow, answers_from_elsewhere_do_not) {
  connect(ssh);
  connect({kUs6, "fd7a:115c:a1e0::3", 50000, 22});
  const Ends elsewhere[] = {{kBob, kUs, 23, 50000},        {kBob, kUs, 22, 50001},
                            {kCyd, kUs, 22, 50000},        {"10.33.0.1", kUs, 22, 50000},
                            {kBob, "10.1.0.1", 22, 50000}, {"fd7a:115c:a1e0::4", kUs6, 22, 50000}};
  for (const Ends& ends : elsewhere) {
    EXPECT_EQ(in(tcp(ends, kAck)).reason, "in_refused");
    EXPECT_EQ(in(tcp(ends, kSyn | kAck)).reason, "in_refused");
  }
  EXPECT_EQ(in(udp(ssh.back())).reason, "in_refused") << "another protocol";
}

TEST_F(AclFlow, a_syn_on_an_established_connection_of_ours_asks_the_policy) {
  connect(ssh);
  EXPECT_EQ(in(tcp(ssh.back())).reason, "in_refused");
  EXPECT_EQ(in(tcp(ssh.back(), kAck)).reason, "in_flow") << "which stays";
}

TEST_F(AclFlow, a_segment_that_leaves_without_a_connection_opens_nothing) {
  for (const int flags : {int{kAck}, kSyn | kAck, int{kRst}, kFin | kAck}) {
    EXPECT_EQ(out(tcp(ssh, static_cast<std::uint8_t>(flags))).reason, "out_revoked");
  }
  EXPECT_EQ(in(tcp(ssh.back(), kAck)).reason, "in_refused");
  EXPECT_EQ(acl->flows()->size(), 0u);
}

TEST_F(AclFlow, ports_may_be_used_again_after_a_close) {
  connect(ssh);
  EXPECT_EQ(out(tcp(ssh, kFin | kAck)).reason, "out_flow");
  EXPECT_EQ(in(tcp(ssh.back(), kFin | kAck)).reason, "in_flow");
  EXPECT_EQ(out(tcp(ssh, kAck)).reason, "out_flow");
  EXPECT_EQ(in(tcp(ssh.back())).reason, "in_refused") << "not by the other end";
  connect(ssh);
  EXPECT_EQ(acl->flows()->size(), 1u);
}

TEST_F(AclFlow, a_reset_closes) {
  connect(ssh);
  EXPECT_EQ(in(tcp(ssh.back(), kRst)).reason, "in_flow");
  ASSERT_EQ(acl->flows()->size(), 1u);
  EXPECT_EQ(acl->flows()->front().state.state, MESH_FLOW_CLOSING);
  EXPECT_EQ(out(tcp(ssh)).reason, "out_opened");
}

TEST_F(AclFlow, udp_answers_come_from_where_it_was_sent_to) {
  const Ends dns{kUs, kBob, 5000, 53};
  ASSERT_EQ(out(udp(dns)).reason, "out_opened");
  EXPECT_EQ(in(udp(dns.back())).reason, "in_flow");
  EXPECT_EQ(out(udp(dns)).reason, "out_flow");
  EXPECT_EQ(in(udp({kBob, kUs, 54, 5000})).reason, "in_refused");
  EXPECT_EQ(in(udp({kBob, kUs, 53, 5001})).reason, "in_refused");
  EXPECT_EQ(in(udp({kCyd, kUs, 53, 5000})).reason, "in_refused");
}

TEST_F(AclFlow, icmp_answers_have_the_identifier_and_type_of_what_was_asked) {
  for (const Ends& asked : {Ends{kUs, kBob, 7, 0}, Ends{kUs6, kAda6, 7, 0}}) {
    Ends other_id = asked;
    other_id.sport = 8;
    ASSERT_EQ(out(echo(asked)).reason, "out_opened");
    EXPECT_EQ(in(echo_answer(asked)).reason, "in_flow");
    EXPECT_EQ(in(echo_answer(other_id)).reason, "in_denied");
    EXPECT_EQ(in(echo({asked.dst, asked.src, 7, 0})).reason, "in_refused") << "a request";
  }
  EXPECT_EQ(in(icmp({kBob, kUs, 7, 0}, 14)).reason, "in_denied") << "a timestamp was not asked";
  ASSERT_EQ(out(icmp({kUs, kBob, 9, 0}, 13)).reason, "out_opened");
  EXPECT_EQ(in(icmp({kBob, kUs, 9, 0}, 14)).reason, "in_flow");
  EXPECT_EQ(in(icmp({kBob, kUs, 9, 0}, 0)).reason, "in_denied");
}

TEST_F(AclFlow, sctp_begins_with_an_init) {
  EXPECT_EQ(out(sctp(ssh, kSctpData)).reason, "out_revoked");
  ASSERT_EQ(out(sctp(ssh)).reason, "out_opened");
  EXPECT_EQ(in(sctp(ssh.back(), kSctpInitAck)).reason, "in_flow");
  EXPECT_EQ(out(sctp(ssh, kSctpData)).reason, "out_flow");
  EXPECT_EQ(in(sctp({kBob, kUs, 23, 50000}, kSctpData)).reason, "in_refused");
}

TEST_F(AclFlow, an_sctp_init_behind_the_packets_end_begins_nothing) {
  Packet cut = sctp(ssh);
  cut.length = 20 + 12;
  EXPECT_EQ(out(cut).reason, "out_revoked");
  cut.length = 20 + 13;
  EXPECT_EQ(out(cut).reason, "out_opened");
}

TEST_F(AclFlow, protocols_without_ports_are_known_by_their_addresses) {
  ASSERT_EQ(out(other(ssh, kGre)).reason, "out_opened");
  EXPECT_EQ(in(other({kBob, kUs, 1, 2}, kGre)).reason, "in_flow");
  EXPECT_EQ(in(other({kCyd, kUs, 22, 50000}, kGre)).reason, "in_refused");
  EXPECT_EQ(in(other(ssh.back(), kIpInIp)).reason, "in_refused");
}

TEST_F(AclFlow, a_peer_that_is_one_no_more_does_not_answer) {
  connect(ssh);
  network.inventory.nodes.erase(network.inventory.nodes.begin() + 2);
  enforce(kNobodyMay);
  EXPECT_EQ(in(tcp(ssh.back(), kAck)).reason, "in_unknown_source");
}

struct Patience {
  const char* what;
  Packet asked, answer;
  int unanswered_s, answered_s;
};

TEST_F(AclFlow, is_forgotten_when_nothing_was_said_for_long) {
  const std::vector<Patience> cases = {
      {"udp", udp(ssh), udp(ssh.back()), 30, 180},
      {"sctp", sctp(ssh), sctp(ssh.back(), kSctpInitAck), 30, 210},
      {"echo", echo({kUs, kBob, 7, 0}), echo_answer({kUs, kBob, 7, 0}), 30, 30},
      {"echo6", echo({kUs6, kAda6, 7, 0}), echo_answer({kUs6, kAda6, 7, 0}), 30, 30},
      {"tcp", tcp(ssh), tcp(ssh.back(), kSyn | kAck), 120, 432'000},
      {"gre", other(ssh, kGre), other(ssh.back(), kGre), 600, 600},
  };
  int checked = 0;
  for (const Patience& c : cases) {
    const int both[] = {c.unanswered_s, c.answered_s};
    for (int answered = 0; answered < 2; ++answered) {
      if (!can_age(seconds(both[answered] + 2))) continue;
      ++checked;
      ASSERT_EQ(out(c.asked).reason, "out_opened") << c.what;
      if (answered != 0) {
        ASSERT_EQ(in(c.answer).reason, "in_flow") << c.what;
      }
      const auto opened = acl->flows()->size();
      ASSERT_EQ(opened, 1u);
      age(seconds(both[answered] - 1));
      EXPECT_EQ(in(c.answer).reason, "in_flow") << c.what << " " << answered;
      open(4096);
      enforce(kNobodyMay);
      ASSERT_EQ(out(c.asked).reason, "out_opened") << c.what;
      if (answered != 0) {
        ASSERT_EQ(in(c.answer).reason, "in_flow") << c.what;
      }
      age(seconds(both[answered] + 1));
      EXPECT_NE(in(c.answer).verdict, kNext) << c.what << " " << answered;
      open(4096);
      enforce(kNobodyMay);
    }
  }
  std::cout << checked << " of 12 times were checked; the kernel has not run for the others\n";
  // See can_age().
  if (checked == 0) GTEST_SKIP() << "the kernel started just now";
}

TEST_F(AclFlow, a_packet_makes_it_young_again) {
  // See can_age().
  if (!can_age(seconds(30))) GTEST_SKIP() << "the kernel started just now";
  const Ends dns{kUs, kBob, 5000, 53};
  ASSERT_EQ(out(udp(dns)).reason, "out_opened");
  for (int i = 0; i < 4; ++i) {
    age(seconds(28));
    EXPECT_EQ(out(udp(dns)).reason, "out_flow");
  }
  age(seconds(28));
  EXPECT_EQ(in(udp(dns.back())).reason, "in_flow");
}

TEST_F(AclFlow, a_closed_connection_is_forgotten_after_two_minutes) {
  // See can_age().
  if (!can_age(seconds(122))) GTEST_SKIP() << "the kernel started just now";
  connect(ssh);
  ASSERT_EQ(in(tcp(ssh.back(), kFin | kAck)).reason, "in_flow");
  age(seconds(121));
  EXPECT_EQ(in(tcp(ssh.back(), kAck)).reason, "in_refused");
}

// D9: the table of flows.
class AclD9 : public AclFlow {};

TEST_F(AclD9, a_table_filled_to_twice_its_size_lets_nothing_unsolicited_in) {
  open(1024);
  enforce(kAdaMay);
  const auto flow = [](std::uint16_t n) {
    return Ends{kUs, kBob, static_cast<std::uint16_t>(10'000 + n), 22};
  };
  for (std::uint16_t n = 0; n < 2048; ++n) {
    EXPECT_EQ(run(acl->program_fd("acl_out"), tcp(flow(n)).frame()).verdict, kNext);
  }
  counted();
  EXPECT_LE(acl->flows()->size(), 1024u);
  EXPECT_EQ(in(tcp(flow(2047).back(), kSyn | kAck)).reason, "in_flow") << "the youngest is there";
  EXPECT_EQ(in(tcp(flow(0).back(), kSyn | kAck)).reason, "in_refused") << "the oldest is not";
  EXPECT_EQ(in(tcp(flow(5000).back(), kSyn | kAck)).reason, "in_refused") << "never was";
  EXPECT_EQ(in(tcp({})).reason, "in_allowed") << "what the policy admits";
}

TEST_F(AclD9, peers_do_not_push_own_flows_out) {
  open(1024);
  enforce(kAdaMay);
  connect(ssh);
  for (std::uint16_t n = 0; n < 4096; ++n) {
    run(acl->program_fd("acl_in"), udp({kAda, kUs, n, 53}).frame());
    run(acl->program_fd("acl_in"), tcp({kAda, kUs, n, 80}).frame());
  }
  counted();
  EXPECT_EQ(in(tcp(ssh.back(), kAck)).reason, "in_flow");
}

}  // namespace
}  // namespace kernmesh::bpf::test
