// SPDX-License-Identifier: Apache-2.0
// What is left on interfaces when the veth and the pins are gone.
#include <unistd.h>

#include "bpf/abi/underlay.h"
#include "tests/bpf/underlay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

class Orphan : public UnderlayTest {
 protected:
  static constexpr IfIndex kLoopback{1};
  static void lose_pins() { ASSERT_EQ(system("rm -rf /sys/fs/bpf/kernmesh"), 0); }
  static std::unique_ptr<Underlay> open(const char* instance) {
    auto opened = Underlay::open({.instance = instance, .max_peers = 64});
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? std::make_unique<Underlay>(std::move(*opened)) : nullptr;
  }
  static std::size_t programs() {
    const auto state = query_hook(kLoopback, Hook::kIngress);
    return state ? state->programs.size() : 99;
  }
};

TEST_F(Orphan, is_taken_over_by_an_agent_that_finds_nothing_else) {
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  lose_pins();
  auto next = open("test");
  ASSERT_NE(next, nullptr);
  EXPECT_TRUE(next->adopted());
  EXPECT_TRUE(next->query(kLoopback, UnderlayProgram::kIn)->current);
  EXPECT_EQ(next->sources()->size(), 3U) << "the maps are the orphan's";
  EXPECT_EQ((*next->config())->public_port, Port(kPublic));
  ASSERT_TRUE(next->remove());
  EXPECT_EQ(programs(), 0U);
}

TEST_F(Orphan, of_another_instance_is_left_alone) {
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  lose_pins();
  auto other = open("other");
  ASSERT_NE(other, nullptr);
  EXPECT_FALSE(other->adopted());
  ASSERT_TRUE(other->attach(kLoopback, UnderlayProgram::kIn));
  EXPECT_EQ(programs(), 2U);
  ASSERT_TRUE(other->remove());
  EXPECT_EQ(programs(), 1U);
  EXPECT_TRUE(underlay->query(kLoopback, UnderlayProgram::kIn)->current);
}

TEST_F(Orphan, with_other_maps_is_replaced_where_it_hangs) {
  lose_pins();
  auto next = open("test");
  ASSERT_NE(next, nullptr);
  EXPECT_FALSE(next->adopted()) << "nothing was attached yet";
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  EXPECT_FALSE(next->query(kLoopback, UnderlayProgram::kIn)->current);
  ASSERT_TRUE(next->attach(kLoopback, UnderlayProgram::kIn));
  EXPECT_EQ(programs(), 1U);
  EXPECT_TRUE(next->query(kLoopback, UnderlayProgram::kIn)->current);
  ASSERT_TRUE(next->remove());
  EXPECT_EQ(programs(), 0U);
}

TEST_F(Orphan, with_other_maps_is_found_by_remove) {
  lose_pins();
  auto next = open("test");
  ASSERT_NE(next, nullptr);
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  ASSERT_TRUE(next->remove());
  EXPECT_EQ(programs(), 0U);
}

TEST_F(Orphan, of_another_layout_version_is_replaced_and_its_maps_are_not_read) {
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  const std::uint32_t zero = 0;
  mesh_underlay_config config{};
  ASSERT_EQ(bpf_map_lookup_elem(underlay->map_fd("config"), &zero, &config), 0);
  config.abi = MESH_ABI_VERSION + 1;
  ASSERT_EQ(bpf_map_update_elem(underlay->map_fd("config"), &zero, &config, 0), 0);
  const std::string versions = "/sys/fs/bpf/kernmesh/test/v";
  ASSERT_EQ(rename((versions + std::to_string(MESH_ABI_VERSION)).c_str(),
                   (versions + std::to_string(MESH_ABI_VERSION + 1)).c_str()),
            0);
  auto next = open("test");
  ASSERT_NE(next, nullptr);
  EXPECT_FALSE(next->adopted());
  ASSERT_TRUE(next->attach(kLoopback, UnderlayProgram::kIn));
  EXPECT_EQ(programs(), 1U);
  EXPECT_TRUE(next->query(kLoopback, UnderlayProgram::kIn)->current);
  ASSERT_TRUE(next->remove());
  EXPECT_EQ(programs(), 0U);
  EXPECT_NE(access("/sys/fs/bpf/kernmesh", F_OK), 0) << "pins of both versions are gone";
}

TEST_F(Orphan, maps_of_another_instance_are_refused) {
  ASSERT_EQ(system("mv /sys/fs/bpf/kernmesh/test "
                   "/sys/fs/bpf/kernmesh/thief"),
            0);
  const auto opened = Underlay::open({.instance = "thief", .max_peers = 64});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kConflict);
  ASSERT_EQ(system("rm -rf /sys/fs/bpf/kernmesh"), 0);
}

}  // namespace
}  // namespace kernmesh::bpf::test
