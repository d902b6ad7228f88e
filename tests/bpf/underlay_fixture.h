// SPDX-License-Identifier: Apache-2.0
// One loaded underlay with a known peer, in namespaces of the test's own (test support; wants
// root).
#pragma once

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>

#include <memory>
#include <string>

#include "controller/bpf/underlay.h"
#include "tests/bpf/frame.h"
#include "tests/bpf/tally.h"

namespace kernmesh::bpf::test {

constexpr std::int32_t kNext = -1, kDrop = 2, kRedirect = 7;
constexpr std::uint16_t kPublic = 4242, kSynth = 1, kWg = 2;

inline IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }
inline Endpoint endpoint(const std::string& text) { return Endpoint::parse(text).value(); }

// Own network and mount namespaces for the whole program, with a BPF file system at its usual
// place.
inline void enter_namespaces() {
  static const bool done = [] {
    return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
           mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("bpf", "/sys/fs/bpf", "bpf", 0, nullptr) == 0;
  }();
  ASSERT_TRUE(done) << "the BPF tests want root";
  ASSERT_EQ(system("ip link set lo up; ip link add meshu0 type veth peer name under 2>/dev/null; "
                   "ip link set meshu0 up; ip link set under up"),
            0);
}

class UnderlayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    enter_namespaces();
    meshu = IfIndex(if_nametoindex("meshu0"));
    auto opened = Underlay::open({.instance = "test", .max_peers = 64});
    ASSERT_TRUE(opened) << opened.error().message();
    underlay = std::make_unique<Underlay>(std::move(*opened));
    ASSERT_TRUE(underlay->set_config({.meshu = meshu,
                                      .public_port = Port(kPublic),
                                      .synth_port = Port(kSynth),
                                      .wg_port = Port(kWg)}));
    ASSERT_TRUE(underlay->set_locals({ip("10.0.0.1"), ip("fd00::1")}));
    ASSERT_TRUE(underlay->set_source({.endpoint = endpoint("10.0.0.2:7000"), .channel = 0}, peer));
    ASSERT_TRUE(underlay->set_source({.endpoint = endpoint("[fd00::2]:7000"), .channel = 0}, peer));
    ASSERT_TRUE(underlay->set_source({.endpoint = endpoint("10.0.0.9:3479"), .channel = 7}, peer));
    ASSERT_TRUE(underlay->set_path(peer, {.primary = v4}));
    before = all();
  }
  void TearDown() override {
    ASSERT_NE(underlay, nullptr);
    ASSERT_TRUE(underlay->remove());
  }

  Tally all() const { return tally(*underlay->counters()); }
  // What was counted since the last call: "label" or "label label", "" for nothing.
  std::string counted() { return rise(before, all()); }
  TestRun in(const Frame& frame, __sk_buff context = {}) {
    return run(underlay->program_fd("underlay_in"), frame.bytes(), context);
  }
  TestRun out(const Frame& frame, __sk_buff context = {}) {
    return run(underlay->program_fd("underlay_out"), frame.bytes(), context);
  }
  // As WireGuard sends it.
  static Frame sent(Bytes payload = message(4, 64)) {
    Frame f{.src = "240.255.255.254", .dst = "240.0.0.1", .sport = kWg, .dport = kSynth};
    f.payload = std::move(payload);
    f.checksum = Frame::Checksum::kPartial;
    return f;
  }

  IfIndex meshu;
  const IpAddress peer = synthetic_peer(1);
  const Hop v4{.interface = IfIndex(1),
               .source = ip("10.0.0.1"),
               .destination = endpoint("10.0.0.2:7000"),
               .mtu_bytes = 1500};
  const Hop v6{.interface = IfIndex(1),
               .source = ip("fd00::1"),
               .destination = endpoint("[fd00::2]:7000"),
               .mtu_bytes = 1500};
  std::unique_ptr<Underlay> underlay;
  Tally before;
};

}  // namespace kernmesh::bpf::test
