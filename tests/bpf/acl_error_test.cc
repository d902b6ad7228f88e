// SPDX-License-Identifier: Apache-2.0
// D5: ICMP errors are let in when they are about a packet that this node may have sent.
#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

class AclD5 : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    enforce(kAdaMay);
  }
  const Ends ssh{kUs, kBob, 50000, 22}, ssh6{kUs6, "fd7a:115c:a1e0::3", 50000, 22};
  const Ends from_bob{kBob, kUs, 0, 0}, from_bob6{"fd7a:115c:a1e0::3", kUs6, 0, 0};
};

TEST_F(AclD5, an_error_about_an_own_flow_comes_in) {
  for (const Packet& sent :
       {tcp(ssh), udp(ssh), sctp(ssh), echo({kUs, kBob, 7, 0}), other(ssh, kGre)}) {
    EXPECT_EQ(in(unreachable(from_bob, sent)).reason, "in_bad_error") << "before it was sent";
    ASSERT_EQ(out(sent).reason, "out_opened");
    EXPECT_EQ(in(unreachable(from_bob, sent)).reason, "in_error");
    EXPECT_EQ(in(icmp_error(from_bob, sent, {.type = 11})).reason, "in_error") << "TTL exceeded";
  }
  for (const Packet& sent : {tcp(ssh6), udp(ssh6), echo({kUs6, "fd7a:115c:a1e0::3", 7, 0})}) {
    EXPECT_EQ(in(unreachable(from_bob6, sent)).reason, "in_bad_error");
    ASSERT_EQ(out(sent).reason, "out_opened");
    EXPECT_EQ(in(unreachable(from_bob6, sent)).reason, "in_error");
    EXPECT_EQ(in(icmp_error(from_bob6, sent, {.type = 3})).reason, "in_error");
  }
}

TEST_F(AclD5, an_error_may_come_from_a_router_on_the_way_but_not_from_nobody) {
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  EXPECT_EQ(in(unreachable({"10.33.0.1", kUs, 0, 0}, tcp(ssh))).reason, "in_error");
  EXPECT_EQ(in(unreachable({"10.34.0.1", kUs, 0, 0}, tcp(ssh))).reason, "in_unknown_source");
}

TEST_F(AclD5, an_error_about_another_flow_drops) {
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  const Ends others[] = {{kUs, kBob, 50001, 22}, {kUs, kBob, 50000, 23}, {kUs, kCyd, 50000, 22}};
  for (const Ends& ends : others) {
    EXPECT_EQ(in(unreachable(from_bob, tcp(ends))).reason, "in_bad_error");
  }
  EXPECT_EQ(in(unreachable(from_bob, udp(ssh))).reason, "in_bad_error") << "another protocol";
  EXPECT_EQ(in(unreachable(from_bob, tcp(ssh.back()))).reason, "in_bad_error") << "turned around";
}

TEST_F(AclD5, an_error_about_an_answer_comes_in_while_a_rule_admits_what_is_answered) {
  const Ends served{kUs, kAda, 80, 40000};
  const Packet about = tcp(served, kSyn | kAck);
  EXPECT_EQ(in(unreachable({kAda, kUs, 0, 0}, about)).reason, "in_error");
  EXPECT_EQ(in(unreachable({kAda, kUs, 0, 0}, tcp({kUs, kAda, 81, 40000}))).reason, "in_bad_error");
  EXPECT_EQ(in(unreachable({kAda, kUs, 0, 0}, tcp({kUs, kCyd, 80, 40000}))).reason, "in_bad_error")
      << "cyd may not";
  enforce(kNobodyMay);
  EXPECT_EQ(in(unreachable({kAda, kUs, 0, 0}, about)).reason, "in_bad_error");
}

TEST_F(AclD5, a_quote_of_somebody_elses_packet_drops) {
  EXPECT_EQ(in(unreachable({kAda, kUs, 0, 0}, tcp({kBob, kAda, 80, 1}))).reason, "in_bad_error");
  EXPECT_EQ(in(unreachable({kAda, kUs, 0, 0}, tcp({"10.1.0.5", kAda, 80, 1}))).reason,
            "in_bad_error")
      << "the error is to another address than the packet is from";
  EXPECT_EQ(in(unreachable({kAda, kUs, 0, 0}, tcp({kUs, "8.8.8.8", 80, 1}))).reason, "in_bad_error")
      << "sent to nobody";
}

TEST_F(AclD5, a_truncated_quote_drops_and_eight_transport_bytes_are_enough) {
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  ASSERT_EQ(out(tcp(ssh6)).reason, "out_opened");
  for (const std::size_t quoted : {0, 1, 19, 20, 27}) {
    EXPECT_EQ(in(icmp_error(from_bob, tcp(ssh), {.quoted = quoted})).reason, "in_bad_error");
  }
  EXPECT_EQ(in(icmp_error(from_bob, tcp(ssh), {.quoted = 28})).reason, "in_error");
  for (const std::size_t quoted : {0, 39, 40, 47}) {
    EXPECT_EQ(in(icmp_error(from_bob6, tcp(ssh6), {.type = 1, .quoted = quoted})).reason,
              "in_bad_error");
  }
  EXPECT_EQ(in(icmp_error(from_bob6, tcp(ssh6), {.type = 1, .quoted = 48})).reason, "in_error");
}

TEST_F(AclD5, a_quote_that_cannot_be_read_for_certain_drops) {
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  ASSERT_EQ(out(tcp(ssh6)).reason, "out_opened");
  Packet options = tcp(ssh);
  options.ihl = 6;
  EXPECT_EQ(in(unreachable(from_bob, options)).reason, "in_bad_error");
  Packet later = tcp(ssh, TcpHead{.data = 60});
  later.fragment_bits = 1;
  EXPECT_EQ(in(unreachable(from_bob, later)).reason, "in_bad_error");
  Packet version = tcp(ssh);
  version.version = 6;
  EXPECT_EQ(in(unreachable(from_bob, version)).reason, "in_bad_error");
  EXPECT_EQ(in(unreachable(from_bob6, with(tcp(ssh6), {Extension{}}))).reason, "in_bad_error");
}

TEST_F(AclD5, an_error_about_an_error_drops) {
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  const Packet ours = unreachable({kUs, kBob, 0, 0}, tcp(ssh.back()));
  EXPECT_EQ(in(unreachable(from_bob, ours)).reason, "in_bad_error");
}

TEST_F(AclD5, a_path_mtu_that_no_path_has_drops) {
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  ASSERT_EQ(out(tcp(ssh6)).reason, "out_opened");
  for (const std::uint32_t mtu : {0, 68, 551}) {
    EXPECT_EQ(in(icmp_error(from_bob, tcp(ssh), {3, 4, mtu})).reason, "in_bad_error") << mtu;
  }
  EXPECT_EQ(in(icmp_error(from_bob, tcp(ssh), {3, 4, 552})).reason, "in_error");
  for (const std::uint32_t mtu : {0, 1279}) {
    EXPECT_EQ(in(icmp_error(from_bob6, tcp(ssh6), {2, 0, mtu})).reason, "in_bad_error") << mtu;
  }
  EXPECT_EQ(in(icmp_error(from_bob6, tcp(ssh6), {2, 0, 1280})).reason, "in_error");
}

TEST_F(AclD5, a_fragmented_error_drops) {
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  const Packet error = unreachable(from_bob, tcp(ssh));
  EXPECT_EQ(in(fragment(error, {0, 40})).reason, "in_bad_error");
  EXPECT_EQ(in(fragment(error, {40, 48})).reason, "in_orphan");
}

TEST_F(AclD5, an_open_policy_opens_nothing_to_errors_about_nothing) {
  enforce(R"({"grants": [{"src": ["*"], "dst": ["*"], "ip": ["icmp:*", "58:*"]}]})");
  EXPECT_EQ(in(unreachable(from_bob, tcp(ssh))).reason, "in_bad_error");
  EXPECT_EQ(in(unreachable(from_bob6, tcp(ssh6))).reason, "in_bad_error");
}

TEST_F(AclD5, own_errors_leave) {
  EXPECT_EQ(out(unreachable(from_bob.back(), tcp(ssh.back()))).reason, "out_untracked");
}

}  // namespace
}  // namespace kernmesh::bpf::test
