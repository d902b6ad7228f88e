// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/gate.h"

#include <net/if.h>

#include "tests/bpf/underlay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

// The gate's packets have no link-layer header; a test run always starts with one, so the packet
// reaches the program by a real device in the VM tests. Here: state, defaults, diffs.
class GateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    enter_namespaces();
    ASSERT_EQ(system("ip link add mesh0 type veth peer name mesh1"), 0);
    mesh = IfIndex(if_nametoindex("mesh0"));
    auto opened = Gate::open({.instance = "gate-test", .mesh = IfIndex(0), .max_addresses = 64});
    ASSERT_TRUE(opened) << opened.error().message();
    gate = std::make_unique<Gate>(std::move(*opened));
  }
  void TearDown() override {
    ASSERT_NE(gate, nullptr);
    EXPECT_TRUE(gate->remove());
    ASSERT_EQ(system("ip link del mesh0"), 0);
  }
  IfIndex mesh;
  std::unique_ptr<Gate> gate;
};

TEST_F(GateTest, drops_both_ways_until_armed) {
  const Bytes frame = Frame{}.bytes();
  EXPECT_EQ(run(gate->program_fd("gate_in"), frame).verdict, kDrop);
  EXPECT_EQ(run(gate->program_fd("gate_out"), frame).verdict, kDrop);
  ASSERT_TRUE(gate->arm(1));
  EXPECT_EQ(run(gate->program_fd("gate_in"), frame).verdict, kDrop) << "nobody is known yet";
  EXPECT_EQ(run(gate->program_fd("gate_out"), frame).verdict, kNext);
  ASSERT_TRUE(gate->disarm());
  EXPECT_EQ(run(gate->program_fd("gate_out"), frame).verdict, kDrop);
  EXPECT_FALSE(*gate->armed());
}

TEST_F(GateTest, holds_exactly_the_identities_it_was_given_last) {
  ASSERT_TRUE(gate->set_identities({{ip("100.64.0.1"), NodeId(1)}, {ip("fd64::1"), NodeId(1)}}));
  ASSERT_TRUE(gate->set_identities({{ip("fd64::1"), NodeId(2)}}));
  EXPECT_FALSE(gate->set_identities({{ip("fd64::1"), kAnyNode}})) << "0 names no node";
  ASSERT_TRUE(gate->set_rules({{NodeId(2), RuleId(5)}}));
  ASSERT_TRUE(gate->set_rules({}));
}

TEST_F(GateTest, a_full_table_is_an_error_and_keeps_what_was_there) {
  Identities many;
  for (std::uint32_t i = 1; i < 200; ++i)
    many[IpAddress::from_v4_number(0x64400000 + i)] = NodeId(i);
  const auto status = gate->set_identities(many);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kExhausted);
}

TEST_F(GateTest, a_change_takes_what_it_removes_out_of_a_full_table_first) {
  const auto address = [](std::uint32_t n) { return IpAddress::from_v4_number(0x64400000 + n); };
  Identities all;
  for (std::uint32_t i = 1; i <= 64; ++i) all[address(i)] = NodeId(i);
  ASSERT_TRUE(gate->set_identities(all));
  EXPECT_FALSE(gate->change_identities({}, {{address(65), NodeId(65)}}));
  EXPECT_TRUE(gate->change_identities({address(7)}, {{address(65), NodeId(65)}}));
  EXPECT_FALSE(gate->change_identities({}, {{address(7), NodeId(7)}})) << "65 is in its place";
  EXPECT_TRUE(gate->change_identities({}, {{address(8), NodeId(9)}})) << "8 is still there";
  EXPECT_FALSE(gate->change_identities({}, {{address(8), kAnyNode}})) << "0 names no node";
}

TEST_F(GateTest, is_found_again_by_the_next_process_with_and_without_pins) {
  ASSERT_TRUE(gate->attach(mesh));
  ASSERT_TRUE(gate->arm(7));
  {
    auto next = Gate::open({.instance = "gate-test", .mesh = mesh});
    ASSERT_TRUE(next) << next.error().message();
    EXPECT_TRUE(*next->armed());
  }
  ASSERT_EQ(system("rm -rf /sys/fs/bpf/kernmesh"), 0);
  auto next = Gate::open({.instance = "gate-test", .mesh = mesh});
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_TRUE(*next->armed());
  const auto state = next->query(mesh);
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->first.current && state->second.current);
}

}  // namespace
}  // namespace kernmesh::bpf::test
