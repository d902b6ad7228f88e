// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/instance.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "controller/netlink/netns.h"

namespace kernmesh::agent {
namespace {

constexpr const char* kRunDirectory = "/run/kernmesh";

Status check_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (name.empty() || name.size() >= IFNAMSIZ || !plain) {
    return Error(ErrorCode::kInvalid,
                 "interface name \"" + name + "\" is not 1 to 15 letters, digits, \"-\" or \"_\"");
  }
  if (name == kPrivateName) {
    return Error(ErrorCode::kInvalid, "interface name \"" + name +
                                          "\" is what the private namespace calls its own end; "
                                          "choose another");
  }
  return {};
}

// Whether the file is still what its name leads to: who held the lock before may have removed it.
bool is_there(const UniqueFd& file, const std::string& path) {
  struct stat own {};
  struct stat named {};
  return fstat(file.get(), &own) == 0 && stat(path.c_str(), &named) == 0 &&
         own.st_ino == named.st_ino && own.st_dev == named.st_dev;
}

Result<UniqueFd> lock_file(const std::string& path, const std::string& interface) {
  while (true) {
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return Error::from_errno("cannot open " + path, errno);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return Error::from_errno("cannot lock " + path, errno);
      char holder[32] = {};
      [[maybe_unused]] const ssize_t got = read(fd.get(), holder, sizeof holder - 1);
      return Error(ErrorCode::kAlreadyExists, "another agent (process " + std::string(holder) +
                                                  ") drives interface " + interface +
                                                  " here; stop it or choose another --interface");
    }
    if (is_there(fd, path)) return fd;
  }
}

}  // namespace

Result<Instance> make_instance(const std::string& mesh_name, const std::string& underlay_name) {
  MESH_TRY(check_name(mesh_name));
  MESH_TRY(check_name(underlay_name));
  if (mesh_name == underlay_name) {
    return Error(ErrorCode::kInvalid, "--interface and --underlay are both \"" + mesh_name + "\"");
  }
  MESH_TRY_ASSIGN(const auto netns, netlink::open_current_netns());
  MESH_TRY_ASSIGN(const auto inode, netlink::netns_inode(netns.get()));
  return Instance{mesh_name, underlay_name, std::to_string(inode) + "-" + mesh_name};
}

InstanceLock::~InstanceLock() {
  if (file_) unlink(path_.c_str());
}

Result<InstanceLock> lock_instance(const Instance& instance) {
  if (mkdir(kRunDirectory, 0755) != 0 && errno != EEXIST) {
    return Error::from_errno(std::string("cannot create ") + kRunDirectory, errno);
  }
  const std::string path = std::string(kRunDirectory) + "/" + instance.id + ".lock";
  MESH_TRY_ASSIGN(auto fd, lock_file(path, instance.mesh_name));
  const std::string own = std::to_string(getpid());
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), own.data(), own.size(), 0) < 0) {
    return Error::from_errno("cannot write " + path, errno);
  }
  return InstanceLock(std::move(fd), path);
}

}  // namespace kernmesh::agent
