// SPDX-License-Identifier: Apache-2.0
// A program that is killed before its Nth change to a directory or its Nth fsync (ptrace(2); x86-64
// and arm64).
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace kernmesh::server {

// Beside the test.
inline std::string server_program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "mesh-server";
}

enum class LifeEnd {
  kKilled,  // before the step that was given
  kExited,  // it has fewer steps
  kServed,  // it has fewer steps and waits for signals; it was killed there
};

// What changes names or makes them and their content durable.
inline bool is_step(const __ptrace_syscall_info& call) {
  switch (call.entry.nr) {
#ifdef SYS_rename
    case SYS_rename:
    case SYS_unlink:
    case SYS_mkdir:
    case SYS_rmdir:
#endif
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_unlinkat:
    case SYS_mkdirat:
    case SYS_fsync:
    case SYS_fdatasync:
      return true;
    case SYS_openat:
      return (call.entry.args[2] & O_CREAT) != 0;
    default:
      return false;
  }
}

// Runs the program's first thread to the step of that number, from 1; what it prints is thrown
// away. Threads that it starts are not looked at.
inline LifeEnd run_until_step(const std::vector<std::string>& words, int step) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, fd);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  waitpid(pid, &status, 0);  // at the exec
  EXPECT_TRUE(WIFSTOPPED(status)) << words[0] << " cannot be traced";
  ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  const auto kill_it = [&](LifeEnd end) {
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status)) continue;
    return end;
  };
  int signal = 0;
  for (int seen = 0; WIFSTOPPED(status);) {
    ptrace(PTRACE_SYSCALL, pid, nullptr, signal);
    waitpid(pid, &status, 0);
    if (!WIFSTOPPED(status)) break;
    signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
    __ptrace_syscall_info call{};
    if (signal != 0 || ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) <= 0) continue;
    if (call.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
    if (call.entry.nr == SYS_rt_sigtimedwait) return kill_it(LifeEnd::kServed);
    if (is_step(call) && ++seen == step) return kill_it(LifeEnd::kKilled);
  }
  return LifeEnd::kExited;
}

}  // namespace kernmesh::server
