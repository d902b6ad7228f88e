// SPDX-License-Identifier: Apache-2.0
// Where pins live (L2): /sys/fs/bpf, also from inside `ip netns exec`, which hides it behind a
// fresh /sys.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bpf/abi/addr.h"
#include "controller/base/result.h"

namespace kernmesh::bpf {

// A folder of pins of one agent and one layout version: ROOT/kernmesh/INSTANCE/vABI.
class PinFolder {
 public:
  // Finds the BPF file system, mounts it when nobody has, and makes the folder. `instance` is one
  // path component ([a-zA-Z0-9_.-], not a dot first). Needs CAP_SYS_ADMIN to mount.
  static Result<PinFolder> open(const std::string& instance,
                                std::uint32_t version = MESH_ABI_VERSION);
  // The same in a folder that the caller chose; it must lie on a BPF file system.
  static Result<PinFolder> at(const std::string& path);

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

  // Unlinks every pin of this version and the folders that are empty then. Attached programs and
  // their maps live on.
  Status remove() const;
  // The same for every layout version of the instance, and for every other one than this; only for
  // a folder that open() made.
  Status remove_all_versions() const;
  Status remove_other_versions() const;
  // The ids of the maps that are pinned there, sorted; only for a folder that open() made.
  enum class Versions { kAll, kOthers };
  Result<std::vector<std::uint32_t>> map_ids(Versions of) const;

 private:
  explicit PinFolder(std::string path) : path_(std::move(path)) {}
  Result<std::vector<std::string>> versions() const;
  std::string path_;
};

}  // namespace kernmesh::bpf
