// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/acl_image_map.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace kernmesh::bpf {

Result<AclImageMap> AclImageMap::map(UniqueFd fd, std::size_t count) {
  const std::size_t bytes = count * sizeof(mesh_acl_line);
  void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) {
    return Error::from_errno("map the policy's image of " + std::to_string(bytes) + " bytes",
                             errno);
  }
  return AclImageMap(std::move(fd), {static_cast<mesh_acl_line*>(at), count});
}

Result<AclImageMap> AclImageMap::create(std::span<const mesh_acl_line> image) {
  if (image.empty() || image.size() > MESH_ACL_MAX_LINES) {
    return Error(ErrorCode::kInvalid, "a policy's image has 1 to " +
                                          std::to_string(MESH_ACL_MAX_LINES) + " lines, this one " +
                                          std::to_string(image.size()));
  }
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  UniqueFd fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "acl_lines", sizeof(__u32), sizeof(mesh_acl_line),
                             static_cast<__u32>(image.size()), &options));
  if (!fd) {
    return Error::from_errno(
        "make a map for the policy's image of " + std::to_string(image.size_bytes()) + " bytes",
        errno);
  }
  MESH_TRY_ASSIGN(AclImageMap made, map(std::move(fd), image.size()));
  std::copy(image.begin(), image.end(), made.lines_.begin());
  return made;
}

Result<AclImageMap> AclImageMap::open(std::uint32_t map_id) {
  UniqueFd fd(bpf_map_get_fd_by_id(map_id));
  if (!fd) return Error::from_errno("open map " + std::to_string(map_id), errno);
  bpf_map_info info{};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) {
    return Error::from_errno("read map " + std::to_string(map_id), errno);
  }
  if (info.value_size != sizeof(mesh_acl_line)) {
    return Error(ErrorCode::kConflict,
                 "map " + std::to_string(map_id) + " is no policy's image of this version");
  }
  return map(std::move(fd), info.max_entries);
}

AclImageMap::AclImageMap(AclImageMap&& other) noexcept
    : fd_(std::move(other.fd_)), lines_(std::exchange(other.lines_, {})) {}

AclImageMap& AclImageMap::operator=(AclImageMap&& other) noexcept {
  if (this != &other) {
    std::swap(fd_, other.fd_);
    std::swap(lines_, other.lines_);
  }
  return *this;
}

AclImageMap::~AclImageMap() {
  if (!lines_.empty()) ::munmap(lines_.data(), lines_.size_bytes());
}

}  // namespace kernmesh::bpf
