// SPDX-License-Identifier: Apache-2.0
// What becomes of a relay whose maps have another version's layout: its pins lie in that version's
// folder, and nothing else tells whose its program is.
#include <unistd.h>

#include <filesystem>

#include "tests/bpf/relay_fixture.h"

namespace kernmesh::bpf::test {
namespace {

constexpr std::uint32_t kOlder = MESH_ABI_VERSION - 1, kNewer = MESH_ABI_VERSION + 1;

std::string relay_folder(std::uint32_t version) {
  return "/sys/fs/bpf/kernmesh/relay-test/v" + std::to_string(version);
}

class RelayOfAnotherLayout : public RelayProgramTest {
 protected:
  void SetUp() override {
    RelayProgramTest::SetUp();
    other_port = IfIndex(if_nametoindex("relay1"));
  }
  void TearDown() override {
    RelayProgramTest::TearDown();
    EXPECT_FALSE(*query_xdp(port));
    EXPECT_FALSE(*query_xdp(other_port));
    EXPECT_NE(access("/sys/fs/bpf/kernmesh", F_OK), 0) << "pins of every version are gone";
  }
  // From now on the relay of the fixture is of that version, as far as anybody can see.
  static void become(std::uint32_t version) {
    std::filesystem::rename(relay_folder(MESH_ABI_VERSION), relay_folder(version));
  }
  static std::unique_ptr<Relay> open_next() {
    auto opened = Relay::open({.instance = "test", .max_channels = 64});
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? std::make_unique<Relay>(std::move(*opened)) : nullptr;
  }
  static std::uint32_t program_on(IfIndex interface) {
    const auto state = query_xdp(interface);
    return state && *state ? (*state)->program.id : 0;
  }

  IfIndex other_port;
};

TEST_F(RelayOfAnotherLayout, is_replaced_by_a_program_with_maps_of_its_own) {
  for (const std::uint32_t version : {kOlder, kNewer}) {
    ASSERT_TRUE(relay->attach(port, XdpMode::kNative));
    const auto before = program_on(port);
    become(version);
    auto next = open_next();
    ASSERT_NE(next, nullptr);
    EXPECT_FALSE(next->adopted());
    EXPECT_FALSE(next->shares_maps((*query_xdp(port))->program));
    ASSERT_TRUE(next->attach(port, XdpMode::kNative));
    EXPECT_NE(program_on(port), before);
    EXPECT_TRUE(next->shares_maps((*query_xdp(port))->program));
    ASSERT_TRUE(next->end_predecessors());
    EXPECT_NE(access(relay_folder(version).c_str(), F_OK), 0);
    EXPECT_EQ(access(relay_folder(MESH_ABI_VERSION).c_str(), F_OK), 0);
    relay = std::move(next);
  }
}

TEST_F(RelayOfAnotherLayout, is_replaced_in_another_mode) {
  ASSERT_TRUE(relay->attach(port, XdpMode::kNative));
  become(kOlder);
  auto next = open_next();
  ASSERT_NE(next, nullptr);
  ASSERT_TRUE(next->attach(port, XdpMode::kGeneric));
  EXPECT_EQ((*query_xdp(port))->mode, XdpMode::kGeneric);
  ASSERT_TRUE(next->end_predecessors());
  EXPECT_NE(program_on(port), 0U) << "the present one stays";
  ASSERT_TRUE(next->remove());
}

TEST_F(RelayOfAnotherLayout, is_taken_off_where_the_next_does_not_go) {
  ASSERT_TRUE(relay->attach(port, XdpMode::kNative));
  ASSERT_TRUE(relay->attach(other_port, XdpMode::kGeneric));
  become(kOlder);
  auto next = open_next();
  ASSERT_NE(next, nullptr);
  ASSERT_TRUE(next->attach(port, XdpMode::kNative));
  ASSERT_TRUE(next->end_predecessors());
  EXPECT_EQ(program_on(other_port), 0U);
  EXPECT_NE(program_on(port), 0U);
  ASSERT_TRUE(next->remove());
}

TEST_F(RelayOfAnotherLayout, is_removed_by_its_name) {
  ASSERT_TRUE(relay->attach(port, XdpMode::kNative));
  become(kOlder);
  {
    const auto next = open_next();  // which never came to attach
    ASSERT_NE(next, nullptr);
    ASSERT_TRUE(next->attach(other_port, XdpMode::kNative));
  }
  const auto removed = Relay::remove("test");
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(program_on(port), 0U);
  EXPECT_EQ(program_on(other_port), 0U);
  ASSERT_TRUE(Relay::remove("test")) << "again: there is nothing";
}

TEST_F(RelayOfAnotherLayout, of_another_name_is_another_s) {
  ASSERT_TRUE(relay->attach(port, XdpMode::kNative));
  const auto before = program_on(port);
  become(kOlder);
  auto opened = Relay::open({.instance = "other", .max_channels = 64});
  ASSERT_TRUE(opened) << opened.error().message();
  const auto refused = opened->attach(port, XdpMode::kNative);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(opened->end_predecessors());
  ASSERT_TRUE(opened->remove());
  ASSERT_TRUE(Relay::remove("other"));
  EXPECT_EQ(program_on(port), before);
}

}  // namespace
}  // namespace kernmesh::bpf::test
