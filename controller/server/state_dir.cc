// SPDX-License-Identifier: Apache-2.0
#include "controller/server/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace kernmesh::server {
namespace {

// Certificates and tokens are a few KiB; anything larger is not one of ours.
constexpr std::size_t kMaxFile = 1024 * 1024;

Status write_all(int fd, const std::string& content) {
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t wrote = ::write(fd, content.data() + done, content.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Error::from_errno("write", errno);
    done += static_cast<std::size_t>(wrote);
  }
  if (fsync(fd) != 0) return Error::from_errno("fsync", errno);
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno("open " + path, errno);
  std::string content;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno("read " + path, errno);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > kMaxFile) return Error(ErrorCode::kInvalid, path + " is over 1 MiB");
  }
}

Result<StateDir> StateDir::open(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error::from_errno("make the state directory " + path, errno);
  }
  const std::string lock_path = path + "/lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return Error::from_errno("open " + lock_path, errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error(ErrorCode::kConflict, "another mesh-server is using " + path);
    }
    return Error::from_errno("lock " + lock_path, errno);
  }
  return StateDir(path, std::move(lock));
}

Result<std::string> StateDir::read(const std::string& name) const {
  return read_file(path_of(name));
}

Status write_file(const std::string& path, const std::string& content, FileMode mode) {
  ::unlink(path.c_str());
  const UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, static_cast<mode_t>(mode)));
  if (!fd) return Error::from_errno("create " + path, errno);
  if (const auto status = write_all(fd.get(), content); !status) {
    ::unlink(path.c_str());
    return status.error().with_context(path);
  }
  return {};
}

Status sync_directory(const std::string& path) {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) != 0) return Error::from_errno("fsync " + path, errno);
  return {};
}

Status StateDir::write(const std::string& name, const std::string& content, FileMode mode) const {
  const std::string final_path = path_of(name);
  const std::string path = final_path + ".new";
  MESH_TRY(write_file(path, content, mode));
  if (std::rename(path.c_str(), final_path.c_str()) != 0) {
    return Error::from_errno("rename " + path, errno);
  }
  return sync_directory(path_);
}

Status give_to_owner_of(const std::string& directory) {
  struct stat owner {};
  if (stat(directory.c_str(), &owner) != 0) return Error::from_errno("stat " + directory, errno);
  if (geteuid() != 0 || owner.st_uid == 0) return {};
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    if (lchown(entry.path().c_str(), owner.st_uid, owner.st_gid) != 0) {
      return Error::from_errno("give " + entry.path().string() + " to its owner", errno);
    }
  }
  return {};
}

}  // namespace kernmesh::server
