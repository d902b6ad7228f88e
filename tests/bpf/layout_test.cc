// SPDX-License-Identifier: Apache-2.0
// State that crosses from one version of the maps' layout to another: what is shared, converted,
// refused, and what stays closed meanwhile. Version 3 is played by this build's maps, which differ
// from that one's in what they are marked with.
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "bpf/abi/acl_state.h"
#include "bpf/abi/underlay.h"
#include "controller/bpf/layout_export.h"
#include "tests/bpf/acl_fixture.h"

namespace kernmesh::bpf::test {
namespace {

constexpr IfIndex kLoopback{1};
constexpr std::uint32_t kBefore = MESH_ABI_VERSION - 1, kUnknown = MESH_ABI_VERSION + 90;

std::string folder(const char* instance, std::uint32_t version) {
  return std::string("/sys/fs/bpf/kernmesh/") + instance + "/v" + std::to_string(version);
}
void rename_pins(const char* instance, std::uint32_t to) {
  std::filesystem::rename(folder(instance, MESH_ABI_VERSION), folder(instance, to));
}
template <typename Config>
void change_config(int fd, const std::function<void(Config&)>& change) {
  const std::uint32_t zero = 0;
  Config config{};
  ASSERT_EQ(bpf_map_lookup_elem(fd, &zero, &config), 0);
  change(config);
  ASSERT_EQ(bpf_map_update_elem(fd, &zero, &config, 0), 0);
}
std::uint32_t map_id(int fd) {
  bpf_map_info info{};
  __u32 size = sizeof(info);
  EXPECT_EQ(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
  return info.id;
}
std::size_t programs(Hook hook, const std::string& name) {
  const auto state = query_hook(kLoopback, hook);
  if (!state) return 99;
  return static_cast<std::size_t>(
      std::count_if(state->programs.begin(), state->programs.end(),
                    [&](const AttachedProgram& p) { return p.info.name == name; }));
}

class LayoutOfPaths : public UnderlayTest {
 protected:
  void TearDown() override {
    UnderlayTest::TearDown();
    EXPECT_NE(::access("/sys/fs/bpf/kernmesh/test", F_OK), 0);
  }
  // From now on what runs is of that version, as far as anybody can see.
  void become(std::uint32_t version) {
    change_config<mesh_underlay_config>(underlay->map_fd("config"),
                                        [&](auto& config) { config.abi = version; });
    rename_pins("test", version);
  }
  static std::unique_ptr<Underlay> open() {
    auto opened = Underlay::open({.instance = "test", .max_peers = 64});
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? std::make_unique<Underlay>(std::move(*opened)) : nullptr;
  }
};

TEST_F(LayoutOfPaths, of_the_version_before_is_taken_over_with_its_programs_replaced) {
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  become(kBefore);
  auto next = open();
  ASSERT_NE(next, nullptr);
  ASSERT_NE(next->succession().from(), nullptr);
  EXPECT_EQ(next->succession().from()->version, kBefore);
  EXPECT_EQ(next->succession().carried().refused, 0U);
  EXPECT_EQ(next->paths()->size(), 1U);
  EXPECT_EQ(next->sources()->size(), 3U);
  EXPECT_EQ((*next->config())->public_port, Port(kPublic));
  ASSERT_TRUE(next->replace_predecessors());
  EXPECT_TRUE(next->query(kLoopback, UnderlayProgram::kIn)->current);
  EXPECT_EQ(programs(Hook::kIngress, "underlay_in"), 1U);
  underlay = std::move(next);
}

TEST_F(LayoutOfPaths, shares_what_is_laid_out_the_same) {
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  ASSERT_TRUE(underlay->attach(meshu, UnderlayProgram::kOut));
  become(kBefore);
  auto next = open();
  ASSERT_NE(next, nullptr);
  for (const char* same : {"paths", "sources", "indices", "traffic"})
    EXPECT_EQ(map_id(next->map_fd(same)), map_id(underlay->map_fd(same))) << same;
  for (const char* other : {"config", "locals"})
    EXPECT_NE(map_id(next->map_fd(other)), map_id(underlay->map_fd(other))) << other;
  EXPECT_EQ(next->paths()->size(), 1U);
  ASSERT_TRUE(next->replace_predecessors());
  EXPECT_TRUE(next->query(meshu, UnderlayProgram::kOut)->current);
  underlay = std::move(next);
}

TEST_F(LayoutOfPaths, pins_that_nothing_uses_while_the_version_before_runs_are_stale) {
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  become(kBefore);
  { ASSERT_NE(open(), nullptr); }  // and ends before it attaches anything
  ASSERT_TRUE(underlay->set_source({.endpoint = endpoint("10.0.0.3:7000"), .channel = 0}, peer));
  auto next = open();
  ASSERT_NE(next, nullptr);
  EXPECT_NE(next->succession().from(), nullptr);
  EXPECT_EQ(next->sources()->size(), 4U);
  underlay = std::move(next);
}

TEST_F(LayoutOfPaths, of_an_unknown_version_is_not_read) {
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  become(kUnknown);
  auto next = open();
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->succession().unreadable(), kUnknown);
  EXPECT_FALSE(next->succession().has_state());
  ASSERT_TRUE(next->replace_predecessors());
  EXPECT_FALSE(next->query(kLoopback, UnderlayProgram::kIn)->current) << "nothing to put there";
  underlay = std::move(next);
}

TEST_F(LayoutOfPaths, left_by_an_unknown_version_is_taken_over) {
  ASSERT_TRUE(underlay->attach(kLoopback, UnderlayProgram::kIn));
  // The pins stay as this version's: so does a newer build leave them.
  change_config<mesh_underlay_config>(underlay->map_fd("config"),
                                      [](auto& config) { config.abi = kUnknown; });
  const UniqueFd own(
      bpf_map_create(BPF_MAP_TYPE_ARRAY, "config", 4, sizeof(mesh_underlay_config), 1, nullptr));
  const mesh_underlay_config left{.owner = owner_of("test"), .abi = MESH_ABI_VERSION};
  const std::uint32_t zero = 0;
  ASSERT_EQ(bpf_map_update_elem(own.get(), &zero, &left, 0), 0);
  const std::string pin = folder("test", MESH_ABI_VERSION) + "/config";
  ASSERT_EQ(unlink(pin.c_str()), 0);
  ASSERT_EQ(bpf_obj_pin(own.get(), pin.c_str()), 0);
  auto next = open();
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->succession().unreadable(), kUnknown);
  EXPECT_TRUE(next->succession().has_state());
  EXPECT_EQ(next->paths()->size(), 1U);
  ASSERT_TRUE(next->replace_predecessors());
  EXPECT_TRUE(next->query(kLoopback, UnderlayProgram::kIn)->current);
  underlay = std::move(next);
}

class LayoutOfPolicy : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    reopen();
    enforce(kAdaMay);
    ASSERT_TRUE(acl->attach(kLoopback));
    ASSERT_EQ(out(tcp(ours)).reason, "out_opened");
  }
  void TearDown() override {
    AclTest::TearDown();
    ASSERT_TRUE(PinFolder::open("acl-test")->remove_all_versions());
  }
  static Result<Acl> opened() {
    return Acl::open({.instance = "acl-test",
                      .mesh = kLoopback,
                      .max_flows = 4096,
                      .link_header = LinkHeader::kEthernet});
  }
  void reopen() {
    auto next = opened();
    ASSERT_TRUE(next) << next.error().message();
    acl = std::make_unique<Acl>(std::move(*next));
    before = all();
  }
  void become(std::uint32_t version) {
    if (!acl->live().empty()) acl->live()[0].w[0] = version;
    const UniqueFd config = pinned("acl_config");
    change_config<mesh_acl_config>(config.get(), [&](auto& c) { c.abi = version; });
    rename_pins("acl-test", version);
  }
  const Ends ours{kUs, kBob, 50000, 22};
};

TEST_F(LayoutOfPolicy, of_the_version_before_goes_on) {
  become(kBefore);
  reopen();
  ASSERT_NE(acl->succession().from(), nullptr);
  EXPECT_EQ(acl->live()[0].w[0], static_cast<__u32>(MESH_ABI_VERSION));
  ASSERT_TRUE(acl->attach(kLoopback));
  EXPECT_TRUE(acl->query(kLoopback)->first.current);
  EXPECT_EQ(programs(Hook::kIngress, "acl_in"), 1U);
  EXPECT_EQ(programs(Hook::kEgress, "acl_out"), 1U);
  EXPECT_EQ(in(tcp(ours.back(), kSyn | kAck)).reason, "in_flow") << "the flow is known";
  EXPECT_EQ(in(tcp({kAda, kUs, 40000, 80})).reason, "in_allowed");
  EXPECT_EQ(in(tcp({kAda, kUs, 40000, 81})).reason, "in_refused");
}

TEST_F(LayoutOfPolicy, of_an_unknown_version_stays_until_there_is_another) {
  become(kUnknown);
  reopen();
  EXPECT_EQ(acl->succession().unreadable(), kUnknown);
  ASSERT_TRUE(acl->attach(kLoopback));
  EXPECT_TRUE(acl->query(kLoopback)->first.attached);
  EXPECT_FALSE(acl->query(kLoopback)->first.current);
  EXPECT_FALSE(acl->query(kLoopback)->second.current);
  enforce(kNobodyMay);
  ASSERT_TRUE(acl->attach(kLoopback));
  EXPECT_TRUE(acl->query(kLoopback)->first.current);
  EXPECT_TRUE(acl->query(kLoopback)->second.current);
  EXPECT_EQ(programs(Hook::kIngress, "acl_in"), 1U);
  EXPECT_EQ(in(tcp({kAda, kUs, 40000, 80})).reason, "in_refused");
}

TEST_F(LayoutOfPolicy, an_interface_without_any_program_is_closed_at_once) {
  ASSERT_TRUE(acl->detach(kLoopback));
  become(kUnknown);
  reopen();
  ASSERT_TRUE(acl->attach(kLoopback));
  EXPECT_TRUE(acl->query(kLoopback)->first.current);
  EXPECT_EQ(in(tcp({kAda, kUs, 40000, 80})).reason, "in_not_armed");
}

class LayoutExport : public UnderlayTest {
 protected:
  static UniqueFd pin(std::uint32_t version, const std::string& map) {
    return UniqueFd(bpf_obj_get((folder("test", version) + "/" + map).c_str()));
  }
  void SetUp() override {
    UnderlayTest::SetUp();
    auto opened = Acl::open({.instance = "test", .mesh = IfIndex(0)});
    ASSERT_TRUE(opened) << opened.error().message();
    acl = std::make_unique<Acl>(std::move(*opened));
    ASSERT_TRUE(acl->switch_to(std::vector<mesh_acl_line>(8, mesh_acl_line{{MESH_ABI_VERSION}})));
  }
  std::unique_ptr<Acl> acl;
};

TEST_F(LayoutExport, shares_converts_and_counts_what_has_no_counterpart) {
  ASSERT_TRUE(underlay->set_overlay({ip("100.64.0.1")}));
  const auto done = export_layout("test", kBefore);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->refused, 1U) << "an address inside the mesh means nothing to version 3";
  EXPECT_EQ(map_id(pin(kBefore, "paths").get()), map_id(underlay->map_fd("paths")));
  const UniqueFd config = pin(kBefore, "config");
  change_config<mesh_underlay_config>(config.get(), [](const auto& c) {
    EXPECT_EQ(c.abi, kBefore);
    EXPECT_EQ(c.public_port, htons(kPublic));
  });
  const UniqueFd locals = pin(kBefore, "locals");
  EXPECT_EQ((Map<mesh_addr, std::uint32_t>{locals.get(), "locals"}.dump()->size()), 2U);
}

TEST_F(LayoutExport, leaves_the_policy_marked_as_that_version) {
  ASSERT_TRUE(export_layout("test", kBefore));
  const UniqueFd outer = pin(kBefore, "acl_image");
  const auto inner = Map<std::uint32_t, std::uint32_t>{outer.get(), "acl_image"}.get(0);
  ASSERT_TRUE(inner && *inner);
  const auto image = AclImageMap::open(**inner);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->lines()[0].w[0], kBefore);
  EXPECT_EQ(acl->live()[0].w[0], static_cast<__u32>(MESH_ABI_VERSION)) << "ours is as it was";
}

TEST_F(LayoutExport, is_repeated_and_taken_away_with_the_rest) {
  ASSERT_TRUE(export_layout("test", kBefore));
  const auto again = export_layout("test", kBefore);
  ASSERT_TRUE(again) << again.error().message();
  ASSERT_TRUE(PinFolder::open("test")->remove_other_versions());
  EXPECT_NE(::access(folder("test", kBefore).c_str(), F_OK), 0);
  EXPECT_EQ(::access(folder("test", MESH_ABI_VERSION).c_str(), F_OK), 0);
}

TEST_F(LayoutExport, of_a_version_that_this_build_does_not_know_names_those_that_it_does) {
  const auto done = export_layout("test", kUnknown);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(done.error().message().find("it knows " + std::to_string(kBefore)), std::string::npos);
}

TEST_F(LayoutExport, without_pins_says_who_makes_them_and_leaves_nothing) {
  ASSERT_EQ(unlink((folder("test", MESH_ABI_VERSION) + "/flows").c_str()), 0);
  const auto done = export_layout("test", kBefore);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(done.error().message().find("the agent makes it"), std::string::npos);
  EXPECT_NE(::access(folder("test", kBefore).c_str(), F_OK), 0);
}

}  // namespace
}  // namespace kernmesh::bpf::test
