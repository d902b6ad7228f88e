// SPDX-License-Identifier: Apache-2.0
// D15: a kernel that refuses: programs at the verifier, maps for want of memory, entries for want
// of room. What was in force stays, and the error says what to do.
#include <elf.h>
#include <sys/utsname.h>

#include "bpf/acl.skel.h"
#include "tests/bpf/acl_fixture.h"
#include "tests/bpf/refused_call.h"

namespace kernmesh::bpf::test {
namespace {

constexpr IfIndex kLoopbackInterface{1};

bool says(const Error& error, const std::string& words) {
  return error.message().find(words) != std::string::npos;
}

// The object's programs with a first instruction that no verifier lets pass: it reads through a
// register that nothing was written to.
std::vector<char> damaged_programs() {
  std::size_t size = 0;
  const char* const bytes = static_cast<const char*>(acl_bpf__elf_bytes(&size));
  std::vector<char> elf(bytes, bytes + size);
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof(header));
  const auto section = [&](std::size_t index) {
    Elf64_Shdr found;
    std::memcpy(&found, &elf[header.e_shoff + index * header.e_shentsize], sizeof(found));
    return found;
  };
  const Elf64_Off names = section(header.e_shstrndx).sh_offset;
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr s = section(i);
    if (std::strcmp(&elf[names + s.sh_name], "tc") != 0) continue;
    const bpf_insn load{BPF_LDX | BPF_MEM | BPF_W, 0, 2, 0, 0};
    std::memcpy(&elf[s.sh_offset], &load, sizeof(load));
  }
  return elf;
}

class AclD15Kernel : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    enforce(kAdaMay);
    ASSERT_TRUE(acl->attach(kLoopbackInterface));
    before = all();
  }
  void expect_as_before() {
    EXPECT_TRUE(acl->query(kLoopbackInterface)->first.current);
    EXPECT_TRUE(acl->query(kLoopbackInterface)->second.current);
    EXPECT_EQ(in(tcp({})).reason, "in_allowed");
    EXPECT_EQ(in(tcp({kAda, kUs, 40000, 81})).reason, "in_refused");
  }
};

TEST_F(AclD15Kernel, a_program_that_the_verifier_refuses_leaves_the_running_ones) {
  const std::vector<char> elf = damaged_programs();
  auto object = Object::open("acl", elf);
  ASSERT_TRUE(object) << object.error().message();
  ASSERT_TRUE(object->adopt_pins(*PinFolder::open("acl-test")));
  const Status loaded = object->load();
  ASSERT_FALSE(loaded);
  utsname kernel{};
  ASSERT_EQ(uname(&kernel), 0);
  for (const std::string& words :
       {std::string("kernel ") + kernel.release, std::string("refuses program acl_"),
        std::string("what ran before goes on"), std::string("go back to the build before"),
        std::string("R2 !read_ok")}) {
    EXPECT_TRUE(says(loaded.error(), words)) << words << " in: " << loaded.error().message();
  }
  expect_as_before();
  EXPECT_TRUE(pinned("flows"));
}

TEST_F(AclD15Kernel, without_memory_for_an_image_the_old_policy_stays) {
  const auto next = image_of(kNobodyMay);
  const auto generation = acl->live()[0].w[1];
  Status switched;
  with_refused(BPF_MAP_CREATE, ENOMEM, [&] { switched = acl->switch_to(next); });
  ASSERT_FALSE(switched);
  EXPECT_TRUE(says(switched.error(), "make a map for the policy's image of"))
      << switched.error().message();
  EXPECT_TRUE(says(switched.error(), "Cannot allocate memory")) << switched.error().message();
  EXPECT_EQ(acl->live()[0].w[1], generation);
  expect_as_before();
}

TEST_F(AclD15Kernel, an_image_that_cannot_be_put_in_force_leaves_the_old_one) {
  const auto next = image_of(kNobodyMay);
  Status switched;
  with_refused(BPF_MAP_UPDATE_ELEM, ENOMEM, [&] { switched = acl->switch_to(next); });
  ASSERT_FALSE(switched);
  EXPECT_TRUE(says(switched.error(), "write map acl_image")) << switched.error().message();
  expect_as_before();
}

TEST_F(AclD15Kernel, without_memory_for_tables_an_agent_does_not_start_and_nothing_changes) {
  std::string message;
  with_refused(BPF_MAP_CREATE, ENOMEM, [&] {
    const auto opened = Acl::open({.instance = "acl-other", .mesh = IfIndex(0)});
    if (!opened) message = opened.error().message();
  });
  EXPECT_NE(message.find("load BPF object acl"), std::string::npos) << message;
  EXPECT_NE(message.find("Cannot allocate memory"), std::string::npos) << message;
  ASSERT_EQ(system("rmdir /sys/fs/bpf/kernmesh/acl-other/v* /sys/fs/bpf/kernmesh/acl-other"), 0)
      << "there are pins";
  expect_as_before();
}

class UnderlayD15 : public UnderlayTest {};

TEST_F(UnderlayD15, a_peer_too_many_is_refused_and_the_others_keep_their_paths) {
  for (std::uint32_t number = 2; number <= 64; ++number)
    ASSERT_TRUE(underlay->set_path(synthetic_peer(number), {.primary = v4})) << number;
  const Status refused = underlay->set_path(synthetic_peer(65), {.primary = v4});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  EXPECT_TRUE(says(refused.error(), "too many peers")) << refused.error().message();
  EXPECT_EQ(underlay->paths()->size(), 64U);
  EXPECT_EQ(out(sent()).verdict, kRedirect);
  ASSERT_TRUE(underlay->remove_path(synthetic_peer(2)));
  EXPECT_TRUE(underlay->set_path(synthetic_peer(65), {.primary = v4})) << "there is room again";
}

TEST_F(UnderlayD15, a_source_too_many_is_refused_and_the_others_are_known) {
  Status last;
  std::uint32_t added = 0;
  for (; last && added < 1000; ++added) {
    const Endpoint from{IpAddress::from_v4_number(0x0a010000 + added), Port(7000)};
    last = underlay->set_source({.endpoint = from, .channel = 0}, peer);
  }
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code(), ErrorCode::kExhausted);
  EXPECT_TRUE(says(last.error(), "map sources is full")) << last.error().message();
  EXPECT_EQ(underlay->sources()->size(), 4U * 64);
  (void)in({});
  EXPECT_EQ(counted(), "in_address");
}

TEST_F(UnderlayD15, without_memory_for_a_path_the_old_one_stays) {
  Status written;
  with_refused(BPF_MAP_UPDATE_ELEM, ENOMEM,
               [&] { written = underlay->set_path(peer, {.primary = v6}); });
  ASSERT_FALSE(written);
  EXPECT_TRUE(says(written.error(), "write map paths")) << written.error().message();
  EXPECT_EQ((*underlay->path(peer))->primary, v4);
  EXPECT_EQ(out(sent()).verdict, kRedirect);
  EXPECT_EQ(counted(), "out_direct");
}

}  // namespace
}  // namespace kernmesh::bpf::test
