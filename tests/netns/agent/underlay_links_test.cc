// SPDX-License-Identifier: Apache-2.0
// The interfaces of an agent that is killed at any moment while it makes them, in namespaces of the
// test's own. Without a WireGuard driver the veth pair is all there is to make.
#include "controller/agent/underlay_links.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>

#include "controller/netlink/netns.h"

namespace kernmesh::agent {
namespace {

// What of the child's system calls the kernel stops it at, PTRACE_O_TRACESYSGOOD's mark included.
constexpr int kSystemCall = SIGTRAP | 0x80;

// Follows the stopped child to its `number`th sendmsg(), which is how libnl asks the kernel for
// anything, and kills it before that. False when it ended before.
bool kill_at_request(pid_t child, int number) {
  int status = 0, seen = 0;
  bool is_entry = true;
  while (ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0 &&
         waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    if (WSTOPSIG(status) != kSystemCall) continue;  // of a thread's or child's end
    __ptrace_syscall_info call{};
    ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof call, &call);
    is_entry = call.op == PTRACE_SYSCALL_INFO_ENTRY;
    if (!is_entry || call.entry.nr != SYS_sendmsg || ++seen != number) continue;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return true;
  }
  return false;
}

// The same for `work` in a process of its own.
bool killed_at_request(int number, const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  return kill_at_request(child, number);
}

class UnderlayLinksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0u) << "run as root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    auto opened = netlink::RouteSocket::open();
    ASSERT_TRUE(opened) << opened.error().message();
    host_.emplace(std::move(*opened));
    const auto made = make_instance("mesh0", "meshu0");
    ASSERT_TRUE(made) << made.error().message();
    instance_ = *made;
  }
  void TearDown() override { EXPECT_TRUE(netlink::delete_netns(instance_.private_netns())); }

  // Nothing of an earlier try.
  void start_over() {
    for (const auto& name : {instance_.mesh_name, instance_.underlay_name})
      ASSERT_TRUE(netlink::delete_link(*host_, name));
    ASSERT_TRUE(netlink::delete_netns(instance_.private_netns()));
  }
  void open_in_child() {
    const auto host = netlink::RouteSocket::open();
    if (host) (void)open_underlay_links(instance_, *host);
  }
  // The kernel takes a namespace's interfaces away some time after its name.
  bool is_gone(const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto link = netlink::find_link(*host_, name);
      if (link && !*link) return true;
      sched_yield();
    }
    return false;
  }
  bool is_marked(const std::string& name, std::string_view kind) {
    const auto link = netlink::find_link(*host_, name);
    return link && *link && is_ours(**link, kind);
  }

  std::optional<netlink::RouteSocket> host_;
  Instance instance_;
};

TEST_F(UnderlayLinksTest, whoever_was_killed_while_making_them_is_succeeded) {
  int number = 1;
  for (;; ++number) {
    start_over();
    if (HasFatalFailure() || !killed_at_request(number, [this] { open_in_child(); })) break;
    const auto links = open_underlay_links(instance_, *host_);
    const bool is_driver_there = links || links.error().code() != ErrorCode::kUnsupported;
    ASSERT_TRUE(links || !is_driver_there) << number << ": " << links.error().message();
    ASSERT_TRUE(is_marked(instance_.underlay_name, "veth")) << number;
    ASSERT_EQ(is_marked(instance_.mesh_name, "wireguard"), is_driver_there) << number;
  }
  EXPECT_GT(number, 10) << "requests of a whole start";
}

// WireGuard's socket goes with the namespace, and the interface would never come up again.
TEST_F(UnderlayLinksTest, whoever_was_killed_after_the_private_namespace_went_is_succeeded) {
  for (int number = 1;; ++number) {
    start_over();
    const auto first = open_underlay_links(instance_, *host_);
    ASSERT_TRUE(first || first.error().code() == ErrorCode::kUnsupported)
        << first.error().message();
    ASSERT_TRUE(netlink::delete_netns(instance_.private_netns()));
    ASSERT_TRUE(is_gone(instance_.underlay_name));
    if (HasFatalFailure() || !killed_at_request(number, [this] { open_in_child(); })) break;
    const auto links = open_underlay_links(instance_, *host_);
    ASSERT_EQ(static_cast<bool>(links), static_cast<bool>(first)) << number;
    if (!links) continue;
    const Status up = netlink::set_link_state(*host_, links->mesh, netlink::LinkState::kUp);
    ASSERT_TRUE(up) << number << ": " << up.error().message();
  }
}

TEST_F(UnderlayLinksTest, are_what_they_were_when_they_are_opened_again) {
  const auto first = open_underlay_links(instance_, *host_);
  ASSERT_TRUE(first || first.error().code() == ErrorCode::kUnsupported) << first.error().message();
  const auto before = netlink::find_link(*host_, instance_.underlay_name);
  ASSERT_TRUE(before && *before);
  EXPECT_TRUE((*before)->up());
  const auto second = open_underlay_links(instance_, *host_);
  EXPECT_EQ(static_cast<bool>(first), static_cast<bool>(second));
  if (first && second) {
    EXPECT_EQ(first->mesh, second->mesh);
  }
  EXPECT_EQ((*netlink::find_link(*host_, instance_.underlay_name))->index, (*before)->index);
}

TEST_F(UnderlayLinksTest, leave_anothers_interface_alone) {
  const auto own = netlink::open_current_netns();
  ASSERT_TRUE(own);
  ASSERT_TRUE(netlink::create_veth(
      *host_, {"meshu0", {2, 0, 0, 0, 0, 1}, "other0", {2, 0, 0, 0, 0, 2}, own->get(), 1500}));
  const auto links = open_underlay_links(instance_, *host_);
  ASSERT_FALSE(links);
  EXPECT_EQ(links.error().code(), ErrorCode::kAlreadyExists);
}

TEST(InstanceName, is_not_the_private_ends) {
  EXPECT_FALSE(make_instance("underlay0", "meshu0"));
  EXPECT_FALSE(make_instance("mesh0", "underlay0"));
}

}  // namespace
}  // namespace kernmesh::agent
