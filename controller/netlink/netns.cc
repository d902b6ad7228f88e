// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <thread>

namespace kernmesh::netlink {
namespace {

constexpr const char* kDirectory = "/run/netns";

std::string path_of(const std::string& name) { return std::string(kDirectory) + "/" + name; }

// Where process 1's files are seen from here. Empty when it may not be looked into (a container
// runtime that hides it): then this process's own mount namespace has to do.
std::string host_root() { return access("/proc/1/root/run", X_OK) == 0 ? "/proc/1/root" : ""; }

// Runs `body` in a child process that stands in process 1's mount namespace; body returns an errno.
// A child, because a thread with its own fs state would be needed, and setns(CLONE_NEWNS) is
// refused to threads that share theirs.
Status in_host_mounts(const std::string& attempt, const std::function<int()>& body) {
  const pid_t child = fork();
  if (child < 0) return Error::from_errno(attempt + ": fork", errno);
  if (child == 0) {
    if (!host_root().empty()) {
      const int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
      if (fd < 0 || setns(fd, CLONE_NEWNS) != 0) _exit(errno);
    }
    _exit(body());
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Error::from_errno(attempt + ": waitpid", errno);
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
  if (code != 0) return Error::from_errno(attempt, code);
  return {};
}

// In the child: the directory as iproute2 makes it (shared, so that mounts reach every namespace),
// then a new network namespace bound to the file.
int create_in_child(const std::string& path) {
  mkdir(kDirectory, 0755);
  if (mount("", kDirectory, "none", MS_SHARED | MS_REC, nullptr) != 0) {
    if (errno != EINVAL) return errno;
    if (mount(kDirectory, kDirectory, "none", MS_BIND | MS_REC, nullptr) != 0) return errno;
    if (mount("", kDirectory, "none", MS_SHARED | MS_REC, nullptr) != 0) return errno;
  }
  const int file = open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (file < 0) return errno;
  if (unshare(CLONE_NEWNET) != 0 ||
      mount("/proc/self/ns/net", path.c_str(), "none", MS_BIND, nullptr) != 0) {
    const int saved = errno;
    unlink(path.c_str());
    return saved;
  }
  return 0;
}

}  // namespace

Result<UniqueFd> open_current_netns() {
  UniqueFd fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno("cannot open this thread's network namespace", errno);
  return fd;
}

Result<std::uint64_t> netns_inode(int netns_fd) {
  struct stat info;
  if (fstat(netns_fd, &info) != 0)
    return Error::from_errno("cannot stat a network namespace", errno);
  return static_cast<std::uint64_t>(info.st_ino);
}

Result<UniqueFd> open_netns(const std::string& name) {
  const std::string root = host_root();
  UniqueFd fd(open((root + path_of(name)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno("cannot open network namespace " + path_of(name), errno);
  // A file that nothing is mounted on is left over from a crash half-way.
  struct stat info;
  struct stat directory;
  if (fstat(fd.get(), &info) != 0 || stat((root + kDirectory).c_str(), &directory) != 0) {
    return Error::from_errno("cannot stat network namespace " + path_of(name), errno);
  }
  if (info.st_dev == directory.st_dev) {
    return Error(ErrorCode::kNotFound,
                 "network namespace file " + path_of(name) + " holds no namespace");
  }
  return fd;
}

Result<UniqueFd> open_or_create_netns(const std::string& name) {
  if (auto existing = open_netns(name); existing) return existing;
  MESH_TRY(delete_netns(name));
  const std::string path = path_of(name);
  MESH_TRY(in_host_mounts("cannot create network namespace " + path,
                          [&] { return create_in_child(path); }));
  return open_netns(name);
}

Status delete_netns(const std::string& name) {
  const std::string path = path_of(name);
  return in_host_mounts("cannot delete network namespace " + path, [&] {
    while (umount2(path.c_str(), MNT_DETACH) == 0) {
    }
    if (errno != EINVAL && errno != ENOENT) return errno;
    return unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
  });
}

Status run_in_netns(int netns_fd, const std::function<Status()>& body) {
  Status result;
  std::thread([&] {
    if (setns(netns_fd, CLONE_NEWNET) != 0) {
      result = Error::from_errno("cannot enter a network namespace", errno);
      return;
    }
    result = body();
  }).join();
  return result;
}

}  // namespace kernmesh::netlink
