// SPDX-License-Identifier: Apache-2.0
// What the programs tell of denials and of new flows, and how much of it.
#include <sched.h>

#include "bpf/abi/acl_reasons.h"
#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

class AclEvents : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    enforce(kAdaMay);
    auto opened = acl->events();
    ASSERT_TRUE(opened);
    ring = std::make_unique<Ring<mesh_acl_event>>(std::move(*opened));
  }
  std::vector<mesh_acl_event> told() { return *ring->read(); }

  std::unique_ptr<Ring<mesh_acl_event>> ring;
};

TEST_F(AclEvents, a_denial_is_told_with_who_and_what) {
  ASSERT_EQ(in(tcp({kAda, kUs, 40000, 81})).reason, "in_refused");
  const auto events = told();
  ASSERT_EQ(events.size(), 1u);
  const mesh_acl_event& e = events.front();
  EXPECT_TRUE(maplayout::is_same(e.src, maplayout::to_mesh_addr(ip(kAda))));
  EXPECT_TRUE(maplayout::is_same(e.dst, maplayout::to_mesh_addr(ip(kUs))));
  EXPECT_EQ(ntohs(e.sport), 40000);
  EXPECT_EQ(ntohs(e.dport), 81);
  EXPECT_EQ(e.node, 2u);
  EXPECT_EQ(e.generation, generation);
  EXPECT_EQ(e.slot, 0u);
  EXPECT_EQ(e.length, 40u);
  EXPECT_EQ(e.protocol, kTcp);
  EXPECT_EQ(e.direction, MESH_ACL_IN);
  EXPECT_EQ(e.reason, MESH_ACL_IN_DENIED);
  EXPECT_EQ(e.detail, kSyn);
}

TEST_F(AclEvents, a_drop_on_the_way_out_is_told) {
  ASSERT_EQ(out(tcp({kUs, kAda, 81, 40000}, kAck)).reason, "out_revoked");
  const auto events = told();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events.front().direction, MESH_ACL_OUT);
  EXPECT_EQ(events.front().reason, MESH_ACL_OUT_REVOKED);
  EXPECT_EQ(events.front().node, 2u) << "of the remote end";
}

TEST_F(AclEvents, what_passes_is_told_only_when_flows_are_followed_and_once) {
  const Ends dns{kAda, kUs, 40000, 53}, ssh{kUs, kBob, 50000, 22};
  ASSERT_EQ(in(tcp({})).reason, "in_allowed");
  EXPECT_TRUE(told().empty());
  ASSERT_TRUE(acl->set({.follow_flows = true}));
  for (int i = 0; i < 2; ++i) ASSERT_EQ(in(udp(dns)).reason, "in_allowed");
  ASSERT_EQ(in(tcp({})).reason, "in_allowed");
  ASSERT_EQ(in(tcp({}, kAck)).reason, "in_allowed");
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  ASSERT_EQ(in(tcp(ssh.back(), kSyn | kAck)).reason, "in_flow");
  ASSERT_EQ(out(tcp(ssh, kAck)).reason, "out_flow");
  const auto events = told();
  ASSERT_EQ(events.size(), 3u);
  const policy::Packet asked[] = {{ip(kAda), ip(kUs), kUdp, 53}, {ip(kAda), ip(kUs), kTcp, 80}};
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(events[i].reason, MESH_ACL_IN_ALLOWED);
    EXPECT_EQ(events[i].protocol, asked[i].protocol);
    EXPECT_NE(events[i].slot, 0u);
    EXPECT_EQ(events[i].slot, maplayout::judge(acl->live(), asked[i]).slot);
  }
  EXPECT_EQ(events[2].reason, MESH_ACL_OUT_OPENED);
}

TEST_F(AclEvents, there_are_no_more_than_their_budget_a_second_and_cpu) {
  cpu_set_t all_cpus, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all_cpus), &all_cpus), 0);
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const Bytes frame = tcp({kAda, kUs, 40000, 81}).frame();
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 5'000; ++i) run(acl->program_fd("acl_in"), frame);
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began)
          .count();
  ASSERT_EQ(sched_setaffinity(0, sizeof(all_cpus), &all_cpus), 0);
  const auto events = static_cast<long>(told().size());
  EXPECT_GE(events, MESH_ACL_EVENTS_PER_SECOND);
  EXPECT_LE(events, MESH_ACL_EVENTS_PER_SECOND * (seconds + 2));
}

}  // namespace
}  // namespace kernmesh::bpf::test
