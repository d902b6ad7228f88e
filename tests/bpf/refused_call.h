// SPDX-License-Identifier: Apache-2.0
// A thread for which the kernel refuses one command of bpf(2), by seccomp (test support).
#pragma once

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <functional>
#include <thread>

namespace kernmesh::bpf::test {

// Runs `act` where `command` (enum bpf_cmd) fails with `error`; every other call is as ever.
inline void with_refused(bpf_cmd command, int error, const std::function<void()>& act) {
  const auto number = static_cast<__u32>(command);
  const std::array code = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K,
                           SECCOMP_RET_ERRNO | (static_cast<__u32>(error) & SECCOMP_RET_DATA)),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  // A filter lasts as long as its thread.
  std::thread([&] {
    const sock_fprog filter{code.size(), const_cast<sock_filter*>(code.data())};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0) << strerror(errno);
    act();
  }).join();
}

}  // namespace kernmesh::bpf::test
