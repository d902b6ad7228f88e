// SPDX-License-Identifier: Apache-2.0
// D1: fragments follow an admitted first one, in order and without overlap.
#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

class AclD1 : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    enforce(kAdaMay);
  }
  std::string reason(const Packet& whole, const Part& part) {
    const Outcome outcome = in(fragment(whole, part));
    EXPECT_EQ(outcome.verdict == kNext, outcome.reason == "in_allowed" ||
                                            outcome.reason == "in_fragment" ||
                                            outcome.reason == "in_flow");
    return outcome.reason;
  }
  static std::vector<Packet> datagrams() {
    return {udp({kAda, kUs, 40000, 53}, 120), udp({kAda6, kUs6, 40000, 53}, 120)};
  }
};

TEST_F(AclD1, later_fragments_follow_an_admitted_first_one) {
  for (const Packet& d : datagrams()) {
    EXPECT_EQ(reason(d, {0, 64}), "in_allowed");
    EXPECT_EQ(reason(d, {64, 96}), "in_fragment");
    EXPECT_EQ(reason(d, {96, 128}), "in_fragment");
  }
}

TEST_F(AclD1, later_fragments_without_a_first_one_drop) {
  for (const Packet& d : datagrams()) {
    EXPECT_EQ(reason(d, {64, 128}), "in_orphan");
    EXPECT_EQ(reason(d, {0, 64}), "in_allowed");
    EXPECT_EQ(reason(d, {64, 128, 8}), "in_orphan") << "another id";
    Packet elsewhere = d;
    elsewhere.ends.src = d.is_v6() ? "fd7a:115c:a1e0::4" : kCyd;
    EXPECT_EQ(reason(elsewhere, {64, 128}), "in_orphan") << "another source";
    elsewhere = d;
    elsewhere.ends.dst = d.is_v6() ? "fd01::1" : "10.1.0.1";
    EXPECT_EQ(reason(elsewhere, {64, 128}), "in_orphan") << "another destination";
    EXPECT_EQ(reason(d, {64, 128}), "in_fragment") << "the right one still follows";
  }
}

TEST_F(AclD1, another_protocols_fragment_does_not_follow) {
  EXPECT_EQ(reason(udp({kAda, kUs, 40000, 53}, 120), {0, 64}), "in_allowed");
  Packet as_tcp = udp({kAda, kUs, 40000, 53}, 120);
  as_tcp.protocol = kTcp;
  EXPECT_EQ(reason(as_tcp, {64, 128}), "in_orphan");
}

TEST_F(AclD1, fragments_of_a_denied_datagram_drop_and_are_not_answered) {
  for (const char* there : {kUs, kUs6}) {
    const bool is_v6 = there == kUs6;
    const Packet denied = udp({is_v6 ? kAda6 : kAda, there, 40000, 54}, 120);
    EXPECT_EQ(reason(denied, {0, 64}), "in_denied");
    EXPECT_EQ(reason(denied, {64, 128}), "in_orphan");
  }
}

TEST_F(AclD1, overlapping_fragments_drop) {
  for (const Packet& d : datagrams()) {
    EXPECT_EQ(reason(d, {0, 64}), "in_allowed");
    EXPECT_EQ(reason(d, {56, 96}), "in_overlap") << "by 8 bytes";
    EXPECT_EQ(reason(d, {8, 64}), "in_overlap");
    EXPECT_EQ(reason(d, {64, 96}), "in_fragment");
    EXPECT_EQ(reason(d, {64, 96}), "in_overlap") << "twice";
    EXPECT_EQ(reason(d, {96, 128}), "in_fragment");
  }
}

TEST_F(AclD1, a_later_fragment_that_overtook_another_takes_its_place) {
  for (const Packet& d : datagrams()) {
    EXPECT_EQ(reason(d, {0, 64}), "in_allowed");
    EXPECT_EQ(reason(d, {96, 128}), "in_fragment");
    EXPECT_EQ(reason(d, {64, 96}), "in_overlap") << "it might reach into what came before";
  }
}

TEST_F(AclD1, an_offset_of_8_cannot_rewrite_the_transport_header) {
  const Packet segment = tcp({}, TcpHead{.data = 60});
  EXPECT_EQ(reason(segment, {0, 24}), "in_allowed");
  EXPECT_EQ(reason(segment, {8, 80}), "in_overlap");
  const Packet segment6 = tcp({kAda6, kUs6, 40000, 80}, TcpHead{.data = 60});
  EXPECT_EQ(reason(segment6, {0, 24}), "in_allowed");
  EXPECT_EQ(reason(segment6, {8, 80}), "in_overlap");
}

TEST_F(AclD1, a_tiny_first_fragment_drops_and_nothing_follows_it) {
  for (const char* us : {kUs, kUs6}) {
    const char* const ada = us == kUs6 ? kAda6 : kAda;
    const Packet segment = tcp({ada, us, 40000, 80}, TcpHead{.offset = 8, .data = 60});
    EXPECT_EQ(reason(segment, {0, 8}), "in_tiny") << "ports, and no flags";
    EXPECT_EQ(reason(segment, {8, 92}), "in_orphan");
    EXPECT_EQ(reason(segment, {0, 16}), "in_tiny");
    EXPECT_EQ(reason(segment, {0, 24}), "in_tiny") << "options are cut";
    EXPECT_EQ(reason(segment, {0, 32}), "in_allowed");
    EXPECT_EQ(reason(udp({ada, us, 40000, 53}, 60), {0, 8}), "in_allowed") << "a whole UDP header";
  }
}

TEST_F(AclD1, an_empty_first_fragment_is_tiny) {
  EXPECT_EQ(reason(tcp({}), {0, 0}), "in_tiny");
  EXPECT_EQ(reason(udp({kAda6, kUs6, 40000, 53}), {0, 0}), "in_tiny");
}

TEST_F(AclD1, a_fragment_that_is_no_multiple_of_8_and_not_the_last_drops) {
  for (const Packet& d : datagrams()) {
    EXPECT_EQ(reason(d, {0, 63}), "in_malformed");
    EXPECT_EQ(reason(d, {0, 64}), "in_allowed");
    EXPECT_EQ(reason(d, {64, 95}), "in_malformed");
  }
}

TEST_F(AclD1, a_fragment_past_the_largest_packet_drops) {
  EXPECT_EQ(reason(udp({kAda, kUs, 40000, 53}, 120), {0, 64}), "in_allowed");
  Packet last = udp({kAda, kUs, 40000, 53}, 120);
  last.id = 7;
  last.fragment_bits = 0x1fff;
  EXPECT_EQ(in(last).reason, "in_malformed");
  Packet last6 = udp({kAda6, kUs6, 40000, 53}, 120);
  last6.extensions = {{kFragmentHeader, {0, 0, 0xff, 0xf8, 0, 0, 0, 7}}};
  EXPECT_EQ(in(last6).reason, "in_malformed");
}

TEST_F(AclD1, answers_on_an_own_flow_may_come_in_fragments) {
  const Ends asked{kUs, kBob, 5000, 53};
  ASSERT_EQ(out(udp(asked)).reason, "out_opened");
  const Packet answer = udp(asked.back(), 120);
  EXPECT_EQ(reason(answer, {0, 64}), "in_flow");
  EXPECT_EQ(reason(answer, {64, 128}), "in_fragment");
}

TEST_F(AclD1, fragments_do_not_follow_across_a_change_of_the_policy) {
  for (const Packet& d : datagrams()) {
    EXPECT_EQ(reason(d, {0, 64}), "in_allowed");
    enforce(kAdaMay);
    EXPECT_EQ(reason(d, {64, 128}), "in_orphan");
  }
}

TEST_F(AclD1, a_first_fragment_is_forgotten_after_30_seconds) {
  for (const Packet& d : datagrams()) {
    EXPECT_EQ(reason(d, {0, 64}), "in_allowed");
    // See can_age().
    if (!can_age(std::chrono::seconds(32))) GTEST_SKIP() << "the kernel started just now";
    age(std::chrono::seconds(28));
    EXPECT_EQ(reason(d, {64, 96}), "in_fragment");
    age(std::chrono::seconds(4));
    EXPECT_EQ(reason(d, {96, 128}), "in_orphan");
  }
}

TEST_F(AclD1, more_datagrams_than_can_be_remembered_let_nothing_unsolicited_in) {
  const Packet d = udp({kAda, kUs, 40000, 53}, 120);
  for (std::uint32_t id = 0; id < 10'000; ++id) {
    run(acl->program_fd("acl_in"), fragment(d, {0, 64, id}).frame());
  }
  counted();
  EXPECT_EQ(reason(d, {64, 128, 20'000}), "in_orphan");
  EXPECT_EQ(reason(d, {64, 128, 9'999}), "in_fragment");
}

TEST_F(AclD1, own_later_fragments_leave) {
  const Packet d = udp(Ends{kUs, kBob, 5000, 53}, 120);
  EXPECT_EQ(out(fragment(d, {64, 128})).reason, "out_untracked");
}

}  // namespace
}  // namespace kernmesh::bpf::test
