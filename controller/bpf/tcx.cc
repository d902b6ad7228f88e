// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/tcx.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kernmesh::bpf::tcx {
namespace {

// linux/bpf.h of 6.6, which Debian 12's headers are older than.
constexpr std::uint32_t kTcxIngress = 46;
constexpr std::uint32_t kTcxEgress = 47;
constexpr std::uint32_t kBefore = 1U << 3;  // BPF_F_BEFORE, without a relative: first of all
constexpr int kMaxPrograms = 64;            // BPF_MPROG_MAX

std::uint32_t attach_type(Hook hook) { return hook == Hook::kIngress ? kTcxIngress : kTcxEgress; }

int bpf_call(int command, bpf_attr* attributes) {
  return static_cast<int>(syscall(SYS_bpf, command, attributes, sizeof(*attributes)));
}

Status attach(IfIndex interface, Hook hook, int program_fd, std::uint32_t flags, int replaced_fd) {
  bpf_attr a{};
  a.target_fd = interface.value();  // target_ifindex, the same field
  a.attach_bpf_fd = static_cast<__u32>(program_fd);
  a.attach_type = attach_type(hook);
  a.attach_flags = flags;
  a.replace_bpf_fd = static_cast<__u32>(replaced_fd);
  if (bpf_call(BPF_PROG_ATTACH, &a) == 0) return {};
  return Error::from_errno("attach with tcx to interface " + to_string(interface) +
                               (errno == EPERM ? " (needs CAP_NET_ADMIN)" : ""),
                           errno);
}

}  // namespace

Result<std::vector<std::uint32_t>> query(IfIndex interface, Hook hook) {
  std::vector<std::uint32_t> ids(kMaxPrograms);
  bpf_attr a{};
  a.query.target_fd = interface.value();
  a.query.attach_type = attach_type(hook);
  a.query.prog_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  a.query.prog_cnt = kMaxPrograms;
  if (bpf_call(BPF_PROG_QUERY, &a) != 0) {
    // Kernels before 6.6 do not know the attach type.
    if (errno == EINVAL) return Error(ErrorCode::kUnsupported, "tcx needs kernel 6.6");
    return Error::from_errno("query programs of interface " + to_string(interface) +
                                 (errno == EPERM ? " (needs CAP_NET_ADMIN)" : ""),
                             errno);
  }
  ids.resize(a.query.prog_cnt);
  return ids;
}

Status attach_first(IfIndex interface, Hook hook, int program_fd) {
  return attach(interface, hook, program_fd, kBefore, 0);
}

Status replace(IfIndex interface, Hook hook, int program_fd, int old_program_fd) {
  return attach(interface, hook, program_fd, BPF_F_REPLACE, old_program_fd);
}

Status detach(IfIndex interface, Hook hook, int program_fd) {
  bpf_attr a{};
  a.target_fd = interface.value();
  a.attach_bpf_fd = static_cast<__u32>(program_fd);
  a.attach_type = attach_type(hook);
  if (bpf_call(BPF_PROG_DETACH, &a) == 0 || errno == ENOENT || errno == ENODEV) return {};
  return Error::from_errno("detach tcx from interface " + to_string(interface), errno);
}

}  // namespace kernmesh::bpf::tcx
