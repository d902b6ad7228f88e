// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/bpffs.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include "controller/base/unique_fd.h"

namespace kernmesh::bpf {
namespace {

constexpr long kBpfFsMagic = 0xcafe4a11;  // linux/magic.h, BPF_FS_MAGIC
// The second is the first one's mount namespace seen from inside another.
constexpr std::array<const char*, 2> kRoots = {"/sys/fs/bpf", "/proc/1/root/sys/fs/bpf"};

bool is_bpffs(const std::string& path) {
  struct statfs s {};
  return statfs(path.c_str(), &s) == 0 && s.f_type == kBpfFsMagic;
}

std::string find_root() {
  for (const char* root : kRoots) {
    if (is_bpffs(root)) return root;
  }
  return {};
}

// Mounts in the mount namespace of process 1, so that the pins outlive the caller's. The child
// calls nothing but system calls.
bool mount_for_everybody() {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    const int ns = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (ns >= 0) (void)setns(ns, CLONE_NEWNS);
    _exit(mount("bpf", kRoots[0], "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0);
  }
  int status = 1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<std::string> bpffs_root() {
  std::string root = find_root();
  if (!root.empty()) return root;
  mount_for_everybody();
  root = find_root();
  if (!root.empty()) return root;
  return Error(ErrorCode::kUnsupported,
               "no BPF file system at /sys/fs/bpf and it could not be mounted (needs CAP_SYS_ADMIN "
               "and CONFIG_BPF_SYSCALL, which Debian's kernels from 6.1 on have; by hand: mount -t "
               "bpf bpf /sys/fs/bpf)");
}

bool is_component(const std::string& name) {
  return !name.empty() && name.size() <= 64 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
         });
}

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

// Adds the ids of a folder's pins.
Status read_map_ids(const std::string& path, std::vector<std::uint32_t>& ids) {
  const std::unique_ptr<DIR, CloseFolder> folder(opendir(path.c_str()));
  if (!folder) return Error::from_errno("read pin folder " + path, errno);
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string pin = path + "/" + entry->d_name;
    const UniqueFd fd(bpf_obj_get(pin.c_str()));
    bpf_map_info info{};
    __u32 size = sizeof(info);
    if (!fd || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
      return Error::from_errno("read pin " + pin, errno);
    ids.push_back(info.id);
  }
  return {};
}

}  // namespace

Result<PinFolder> PinFolder::open(const std::string& instance, std::uint32_t version) {
  if (!is_component(instance)) {
    return Error(ErrorCode::kInvalid, "instance name \"" + instance + "\" cannot name a folder");
  }
  MESH_TRY_ASSIGN(std::string path, bpffs_root());
  for (const std::string& part :
       {std::string("kernmesh"), instance, "v" + std::to_string(version)}) {
    path += "/" + part;
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return Error::from_errno("make pin folder " + path, errno);
    }
  }
  return PinFolder(std::move(path));
}

Result<PinFolder> PinFolder::at(const std::string& path) {
  if (!is_bpffs(path)) {
    return Error(ErrorCode::kInvalid, path + " is not on a BPF file system");
  }
  return PinFolder(path);
}

Status PinFolder::remove() const {
  DIR* folder = opendir(path_.c_str());
  if (folder == nullptr) {
    if (errno == ENOENT) return {};
    return Error::from_errno("read pin folder " + path_, errno);
  }
  int failed = 0;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    if (unlinkat(dirfd(folder), entry->d_name, 0) != 0) failed = errno;
  }
  closedir(folder);
  if (failed != 0) return Error::from_errno("remove pins in " + path_, failed);
  // A folder that another version or instance still uses is not empty and stays.
  std::string path = path_;
  for (int depth = 0; depth < 3 && rmdir(path.c_str()) == 0; ++depth) {
    path.resize(path.rfind('/'));
  }
  return {};
}

Result<std::vector<std::string>> PinFolder::versions() const {
  const std::string instance = path_.substr(0, path_.rfind('/'));
  std::vector<std::string> found;
  DIR* folder = opendir(instance.c_str());
  if (folder == nullptr) {
    if (errno == ENOENT) return found;
    return Error::from_errno("read pin folder " + instance, errno);
  }
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] == 'v') found.push_back(instance + "/" + entry->d_name);
  }
  closedir(folder);
  return found;
}

Status PinFolder::remove_all_versions() const {
  MESH_TRY_ASSIGN(const auto all, versions());
  for (const std::string& version : all) MESH_TRY(PinFolder(version).remove());
  return {};
}

Status PinFolder::remove_other_versions() const {
  MESH_TRY_ASSIGN(const auto all, versions());
  for (const std::string& version : all) {
    if (version != path_) MESH_TRY(PinFolder(version).remove());
  }
  return {};
}

Result<std::vector<std::uint32_t>> PinFolder::map_ids(Versions of) const {
  MESH_TRY_ASSIGN(const auto all, versions());
  std::vector<std::uint32_t> ids;
  for (const std::string& version : all) {
    if (of == Versions::kAll || version != path_) MESH_TRY(read_map_ids(version, ids));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace kernmesh::bpf
