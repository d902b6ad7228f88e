// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace kernmesh::agent {
namespace {

Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::from_errno("cannot write " + path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

Result<std::optional<std::string>> read_file(const std::string& path, std::size_t most) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return std::optional<std::string>();
    return Error::from_errno("cannot open " + path, errno);
  }
  std::string bytes;
  std::string chunk(1 << 16, '\0');
  while (true) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno("cannot read " + path, errno);
    if (got == 0) return std::optional<std::string>(std::move(bytes));
    bytes.append(chunk, 0, static_cast<std::size_t>(got));
    if (bytes.size() > most) {
      return Error(ErrorCode::kExhausted,
                   path + " is larger than " + std::to_string(most) + " bytes");
    }
  }
}

Status replace_file(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  const UniqueFd fd(
      open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return Error::from_errno("cannot create " + fresh, errno);
  Status written = write_all(fd.get(), bytes, fresh);
  if (written && fsync(fd.get()) != 0) written = Error::from_errno("cannot sync " + fresh, errno);
  if (written && rename(fresh.c_str(), path.c_str()) != 0) {
    written = Error::from_errno("cannot rename " + fresh + " to " + path, errno);
  }
  if (!written) {
    unlink(fresh.c_str());
    return written;
  }
  const std::string directory = directory_of(path);
  const UniqueFd directory_fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_fd || fsync(directory_fd.get()) != 0)
    return Error::from_errno("cannot sync " + directory, errno);
  return {};
}

Status touch_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return Error::from_errno("cannot open " + path, errno);
  if (futimens(fd.get(), nullptr) != 0)
    return Error::from_errno("cannot set the time of " + path, errno);
  return {};
}

WallTime file_time(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return {};
  return WallTime(std::chrono::seconds(info.st_mtim.tv_sec));
}

Status remove_file(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return Error::from_errno("cannot remove " + path, errno);
  return {};
}

Result<UniqueFd> prepare_state_dir(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error::from_errno("cannot create state directory " + path, errno);
  }
  struct stat info;
  if (lstat(path.c_str(), &info) != 0)
    return Error::from_errno("cannot look at state directory " + path, errno);
  if (!S_ISDIR(info.st_mode))
    return Error(ErrorCode::kInvalid, "state directory " + path + " is not a directory");
  if (info.st_uid != geteuid()) {
    return Error(ErrorCode::kPermissionDenied,
                 "state directory " + path + " belongs to user " + std::to_string(info.st_uid) +
                     ", not to " + std::to_string(geteuid()) + "; keys are not kept there");
  }
  if ((info.st_mode & 077) != 0 && chmod(path.c_str(), 0700) != 0) {
    return Error::from_errno("cannot close state directory " + path + " to others", errno);
  }
  const std::string lock_path = path + "/lock";
  UniqueFd lock(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return Error::from_errno("cannot open " + lock_path, errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error::from_errno("cannot lock " + lock_path, errno);
    return Error(ErrorCode::kAlreadyExists,
                 "another agent uses state directory " + path + "; give this one --state-dir");
  }
  return lock;
}

}  // namespace kernmesh::agent
