// SPDX-License-Identifier: Apache-2.0
// What a change of the policy does: it cuts what is revoked in both directions (D9), comes whole or
// not at all (D10), and fails without harm (D15).
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "controller/core/maplayout/address_number.h"
#include "controller/core/maplayout/address_table.h"
#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

using std::chrono::seconds;

class AclChange : public AclTest {};

TEST_F(AclChange, a_revoked_permission_ends_a_connection_both_ways) {
  enforce(kAdaMay);
  const Ends web{}, web6{kAda6, kUs6, 40000, 80};
  for (const Ends& ends : {web, web6}) {
    ASSERT_EQ(in(tcp(ends)).reason, "in_allowed");
    ASSERT_EQ(out(tcp(ends.back(), kSyn | kAck)).reason, "out_allowed");
    ASSERT_EQ(in(tcp(ends, kAck)).reason, "in_allowed");
  }
  enforce(kNobodyMay);
  for (const Ends& ends : {web, web6}) {
    EXPECT_EQ(in(tcp(ends, kAck)).reason, "in_refused");
    EXPECT_EQ(out(tcp(ends.back(), kAck)).reason, "out_revoked");
    EXPECT_EQ(out(tcp(ends.back(), kFin | kAck)).reason, "out_revoked");
  }
}

TEST_F(AclChange, a_revoked_sctp_association_and_echo_end_both_ways) {
  enforce(kAdaMay);
  const Ends ngap{kAda, kUs, 40000, 36412}, ping{kAda, kUs, 7, 0};
  ASSERT_EQ(in(sctp(ngap)).reason, "in_allowed");
  ASSERT_EQ(out(sctp(ngap.back(), kSctpInitAck)).reason, "out_allowed");
  ASSERT_EQ(in(echo(ping)).reason, "in_allowed");
  ASSERT_EQ(out(echo_answer(ping)).reason, "out_allowed");
  enforce(kNobodyMay);
  EXPECT_EQ(in(sctp(ngap, kSctpData)).reason, "in_refused");
  EXPECT_EQ(out(sctp(ngap.back(), kSctpData)).reason, "out_revoked");
  EXPECT_EQ(in(echo(ping)).reason, "in_refused");
  EXPECT_EQ(out(echo_answer(ping)).reason, "out_revoked");
}

TEST_F(AclChange, a_datagram_server_that_keeps_sending_opens_nothing) {
  enforce(kAdaMay);
  const Ends dns{kAda, kUs, 40000, 53};
  ASSERT_EQ(in(udp(dns)).reason, "in_allowed");
  ASSERT_EQ(out(udp(dns.back())).reason, "out_allowed");
  enforce(kNobodyMay);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(in(udp(dns)).reason, "in_refused");
    EXPECT_EQ(out(udp(dns.back())).reason, "out_revoked");
    if (can_age(seconds(29))) age(seconds(28));
  }
  EXPECT_EQ(in(udp(dns)).reason, "in_refused");
  enforce(kAdaMay);
  EXPECT_EQ(in(udp(dns)).reason, "in_allowed") << "the same ports when it may again";
}

TEST_F(AclChange, own_flows_go_on) {
  enforce(kAdaMay);
  const Ends ssh{kUs, kBob, 50000, 22};
  ASSERT_EQ(out(tcp(ssh)).reason, "out_opened");
  enforce(kNobodyMay);
  EXPECT_EQ(in(tcp(ssh.back(), kSyn | kAck)).reason, "in_flow");
}

TEST_F(AclChange, a_single_entry_of_the_live_image_may_be_taken_out) {
  enforce(kAdaMay);
  ASSERT_EQ(in(tcp({})).reason, "in_allowed");
  ASSERT_TRUE(maplayout::remove_address(acl->live(), maplayout::to_mesh_addr(ip(kAda))));
  EXPECT_EQ(in(tcp({})).reason, "in_unknown_source");
  EXPECT_EQ(in(tcp({kAda6, kUs6, 40000, 80})).reason, "in_allowed");
}

class AclD10 : public AclTest {};

// Membership moves and the port moves: a packet judged by the sources of one policy and the ports
// of the other would be admitted, and neither admits it.
constexpr std::string_view kAdaTo80 = R"({"grants": [
  {"src": ["100.64.0.2"], "dst": ["100.64.0.1"], "ip": ["tcp:80"]},
  {"src": ["*"], "dst": ["*"], "ip": ["tcp:65000"]}]})";
constexpr std::string_view kBobTo81 = R"({"grants": [
  {"src": ["100.64.0.3"], "dst": ["100.64.0.1"], "ip": ["tcp:81"]},
  {"src": ["*"], "dst": ["*"], "ip": ["tcp:65000"]}]})";

TEST_F(AclD10, every_verdict_is_wholly_of_one_policy_under_a_hundred_switches_a_second) {
  const std::vector<mesh_acl_line> images[] = {image_of(kAdaTo80), image_of(kBobTo81)};
  ASSERT_TRUE(acl->set({.quiet = true}));
  ASSERT_TRUE(acl->switch_to(images[0]));
  std::atomic<bool> done = false;
  std::atomic<int> switches = 0, failures = 0;
  std::thread switcher([&] {
    const auto began = std::chrono::steady_clock::now();
    for (int i = 1; !done; ++i) {
      if (!acl->switch_to(images[i % 2])) ++failures;
      ++switches;
      std::this_thread::sleep_until(began + i * std::chrono::milliseconds(10));
    }
  });
  const Bytes ada80 = tcp({kAda, kUs, 1, 80}).frame(), ada81 = tcp({kAda, kUs, 1, 81}).frame(),
              bob80 = tcp({kBob, kUs, 1, 80}).frame(), bob81 = tcp({kBob, kUs, 1, 81}).frame();
  const int in = acl->program_fd("acl_in");
  long first = 0, second = 0, neither = 0, mixed = 0;
  // On an emulated machine a switch may take longer than its hundredth of a second.
  const auto until = std::chrono::steady_clock::now() + seconds(60);
  while (switches < 200 && std::chrono::steady_clock::now() < until) {
    for (int i = 0; i < 200; ++i) {
      (run(in, ada80).verdict == kNext ? first : neither)++;
      (run(in, bob81).verdict == kNext ? second : neither)++;
      mixed += run(in, ada81).verdict == kNext;
      mixed += run(in, bob80).verdict == kNext;
    }
  }
  done = true;
  switcher.join();
  EXPECT_EQ(mixed, 0);
  EXPECT_EQ(failures, 0);
  EXPECT_GE(switches, 200);
  EXPECT_GT(first, 1000);
  EXPECT_GT(second, 1000);
  const auto counts = all();
  EXPECT_EQ(counts.at("in_not_armed"), 0u) << "there is a policy at every moment";
  std::cout << switches << " switches under " << 2 * (first + second + neither) << " packets\n";
}

class AclD15 : public AclTest {};

TEST_F(AclD15, an_image_that_cannot_be_filled_leaves_the_old_policy) {
  enforce(kAdaMay);
  const auto empty = acl->switch_to({});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code(), ErrorCode::kInvalid);
  const std::vector<mesh_acl_line> huge(MESH_ACL_MAX_LINES + 1);
  const auto status = acl->switch_to(huge);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("1048577"), std::string::npos)
      << status.error().message();
  EXPECT_EQ(in(tcp({})).reason, "in_allowed");
  EXPECT_EQ(in(tcp({kAda, kUs, 40000, 81})).reason, "in_refused");
}

TEST_F(AclD15, without_a_file_descriptor_for_the_new_map_the_old_policy_stays) {
  enforce(kAdaMay);
  const auto next = image_of(kNobodyMay);
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit none{3, usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto status = acl->switch_to(next);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
  ASSERT_FALSE(status);
  EXPECT_FALSE(status.error().message().empty());
  EXPECT_EQ(in(tcp({})).reason, "in_allowed");
  EXPECT_EQ(acl->live().size(), image_of(kAdaMay).size()) << "and is the one that is shown";
}

TEST_F(AclD15, offsets_past_the_image_admit_nothing) {
  const auto good = image_of(kAdaMay);
  for (std::size_t word = 3; word < MESH_ACL_LINE_WORDS; ++word) {
    auto bad = good;
    bad[0].w[word] = 0x7fffffff;
    ASSERT_TRUE(acl->switch_to(bad));
    for (const Packet& p :
         {tcp({kAda, kUs, 40000, 81}), udp({kAda, kUs, 1, 54}), tcp({kAda6, kUs6, 40000, 81})}) {
      EXPECT_NE(in(p).verdict, kNext) << "word " << word;
    }
  }
}

TEST_F(AclD15, the_next_process_finds_the_policy_in_force) {
  enforce(kAdaMay);
  ASSERT_EQ(out(tcp(Ends{kUs, kBob, 50000, 22})).reason, "out_opened");
  const std::size_t lines = acl->live().size();
  acl.reset();
  auto next =
      Acl::open({.instance = "acl-test", .mesh = IfIndex(0), .link_header = LinkHeader::kEthernet});
  ASSERT_TRUE(next) << next.error().message();
  acl = std::make_unique<Acl>(std::move(*next));
  EXPECT_EQ(acl->live().size(), lines);
  EXPECT_EQ(acl->max_flows(), 4096u) << "the tables are those of before";
  EXPECT_EQ(in(tcp({})).reason, "in_allowed");
  EXPECT_EQ(in(tcp(Ends{kUs, kBob, 50000, 22}.back(), kSyn | kAck)).reason, "in_flow");
}

}  // namespace
}  // namespace kernmesh::bpf::test
