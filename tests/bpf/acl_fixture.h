// SPDX-License-Identifier: Apache-2.0
// Loaded access control programs in namespaces of the test's own, and a small network whose
// policies they enforce for node 1 (test support; wants root).
//   node 1  100.64.0.1 fd7a:115c:a1e0::1   this node; serves 10.1.0.0/24 and fd01::/64
//   node 2  100.64.0.2 ...::2              ada's
//   node 3  100.64.0.3 ...::3              bob's; routes 10.33.0.0/16
//   node 4  100.64.0.4 ...::4              cyd's
#pragma once

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <time.h>

#include <memory>
#include <string>

#include "controller/bpf/acl.h"
#include "controller/bpf/bpffs.h"
#include "controller/bpf/map.h"
#include "tests/bpf/packet_reading.h"
#include "tests/bpf/tally.h"
#include "tests/bpf/underlay_fixture.h"
#include "tests/unit/core/maplayout/random_slice.h"
#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::bpf::test {

constexpr const char *kUs = "100.64.0.1", *kAda = "100.64.0.2", *kBob = "100.64.0.3",
                     *kCyd = "100.64.0.4", *kUs6 = "fd7a:115c:a1e0::1",
                     *kAda6 = "fd7a:115c:a1e0::2";

// What most tests enforce: node 2 may use TCP 80 and 443, UDP 53, SCTP 36412 and send echoes.
constexpr std::string_view kAdaMay = R"({"grants": [
  {"src": ["ada@example.com"], "dst": ["100.64.0.1"],
   "ip": ["tcp:80", "tcp:443", "udp:53", "icmp:*", "sctp:36412"]},
  {"src": ["ada@example.com"], "dst": ["fd7a:115c:a1e0::1"],
   "ip": ["tcp:80", "tcp:443", "udp:53", "58:*"]},
  {"src": ["*"], "dst": ["*"], "ip": ["tcp:65000"]}]})";
// Everybody is a peer and is admitted to hardly anything.
constexpr std::string_view kNobodyMay =
    R"({"grants": [{"src": ["*"], "dst": ["*"], "ip": ["tcp:65000"]}]})";

struct Outcome {
  std::int32_t verdict = 0;
  std::string reason;  // labels that were counted
  Bytes frame;         // that came out
  bool operator==(const char* label) const { return reason == label; }
};
inline void PrintTo(const Outcome& outcome, std::ostream* os) {
  *os << outcome.verdict << " " << outcome.reason << " " << to_text(outcome.frame);
}

class AclTest : public ::testing::Test {
 protected:
  void SetUp() override {
    enter_namespaces();
    open(4096);
    network.node(1, "tag:us").routes({"10.1.0.0/24", "fd01::/64"});
    network.node(2, "ada");
    network.node(3, "bob").routes({"10.33.0.0/16"});
    network.node(4, "cyd");
  }
  void TearDown() override {
    ASSERT_NE(acl, nullptr);
    EXPECT_TRUE(acl->remove());
  }
  // Instead of what SetUp() made.
  void open(std::uint32_t max_flows) {
    if (acl) {
      ASSERT_TRUE(acl->remove());
    }
    acl.reset();
    auto opened = Acl::open({.instance = "acl-test",
                             .mesh = IfIndex(0),
                             .max_flows = max_flows,
                             .link_header = LinkHeader::kEthernet});
    ASSERT_TRUE(opened) << opened.error().message();
    acl = std::make_unique<Acl>(std::move(*opened));
    before = all();
  }
  // For node 1, whose peers are all others with all their routes.
  std::vector<mesh_acl_line> image_of(std::string_view text) {
    const auto compiled = network.compile(text);
    if (!compiled) return {};
    const auto mine = maplayout::RandomSlice::of(*compiled, NodeId(1));
    return mine.sample.compile({.generation = ++generation}).lines;
  }
  void enforce(std::string_view text) {
    const auto status = acl->switch_to(image_of(text));
    ASSERT_TRUE(status) << status.error().message();
  }

  Tally all() const { return tally(*acl->counters()); }
  // What was counted since the last call: "label" or "label label", "" for nothing.
  std::string counted() { return rise(before, all()); }
  Outcome pass(const char* program, const Bytes& frame, __sk_buff context) {
    TestRun ran = run(acl->program_fd(program), frame, context);
    EXPECT_EQ(ran.error, 0) << to_text(frame);
    return {ran.verdict, counted(), std::move(ran.out)};
  }
  // What arrives from the tunnel, and what this node sends into it.
  Outcome in(const Packet& packet, __sk_buff context = {}) {
    return pass("acl_in", packet.frame(), context);
  }
  Outcome out(const Packet& packet, __sk_buff context = {}) {
    return pass("acl_out", packet.frame(), context);
  }

  // Nothing can be older than the kernel's clock, which starts with the machine and cannot be set:
  // tests of longer times are skipped, and say so, on one that has run for less.
  static bool can_age(std::chrono::seconds by) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > by.count();
  }
  // Makes everything remembered older, as if nothing had been seen for so long.
  void age(std::chrono::seconds by) {
    age_map<mesh_flow_key, mesh_flow>("flows", by);
    age_map<mesh_flow_key, mesh_flow>("served", by);
    age_map<mesh_fragment_key, mesh_fragment>("fragments", by);
  }
  template <typename Key, typename Value>
  void age_map(const char* name, std::chrono::nanoseconds by) {
    const UniqueFd fd = pinned(name);
    const Map<Key, Value> map{fd.get(), name};
    auto entries = map.dump();
    ASSERT_TRUE(entries);
    for (auto& [key, value] : *entries) {
      value.seen_ns -= static_cast<std::uint64_t>(by.count());
      ASSERT_TRUE(map.set(key, value));
    }
  }
  UniqueFd pinned(const std::string& map) const {
    const auto folder = PinFolder::open("acl-test");
    UniqueFd fd(bpf_obj_get(folder->file(map).c_str()));
    EXPECT_TRUE(fd) << map;
    return fd;
  }

  policy::SmallNetwork network;
  std::unique_ptr<Acl> acl;
  Tally before;
  std::uint32_t generation = 0;
};

}  // namespace kernmesh::bpf::test
