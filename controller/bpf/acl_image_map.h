// SPDX-License-Identifier: Apache-2.0
// One image of the policy as a map of the kernel (L2): an array of lines, mapped into this process.
#pragma once

#include <cstdint>
#include <span>

#include "bpf/abi/acl.h"
#include "controller/base/result.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::bpf {

class AclImageMap {
 public:
  AclImageMap() = default;  // none
  // A new map that holds the lines.
  static Result<AclImageMap> create(std::span<const mesh_acl_line> image);
  // One that is there already, by its id.
  static Result<AclImageMap> open(std::uint32_t map_id);
  AclImageMap(AclImageMap&& other) noexcept;
  AclImageMap& operator=(AclImageMap&& other) noexcept;
  ~AclImageMap();

  int fd() const { return fd_.get(); }
  // Shared with the programs; what may be written says bpf/abi/acl.h.
  std::span<mesh_acl_line> lines() { return lines_; }
  std::span<const mesh_acl_line> lines() const { return lines_; }

 private:
  AclImageMap(UniqueFd fd, std::span<mesh_acl_line> lines) : fd_(std::move(fd)), lines_(lines) {}
  static Result<AclImageMap> map(UniqueFd fd, std::size_t count);
  UniqueFd fd_;
  std::span<mesh_acl_line> lines_;
};

}  // namespace kernmesh::bpf
