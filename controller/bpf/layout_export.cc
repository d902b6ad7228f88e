// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/layout_export.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <vector>

#include "controller/bpf/acl_image_map.h"
#include "controller/bpf/map.h"

namespace kernmesh::bpf {
namespace {

Result<UniqueFd> open_pin(const PinFolder& folder, const std::string& map) {
  UniqueFd fd(bpf_obj_get(folder.file(map).c_str()));
  if (fd) return fd;
  return Error::from_errno("open pin " + folder.file(map) + " (the agent makes it when it starts)",
                           errno);
}

Status pin(int fd, const PinFolder& folder, const std::string& map) {
  if (bpf_obj_pin(fd, folder.file(map).c_str()) == 0) return {};
  return Error::from_errno("pin " + folder.file(map), errno);
}

Status export_map(const MapLayout& map, const PinFolder& from, const PinFolder& to, Carried& sum) {
  MESH_TRY_ASSIGN(const UniqueFd own, open_pin(from, map.name));
  if (map.write == nullptr) return pin(own.get(), to, map.name);
  bpf_map_info info{};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(own.get(), &info, &size) != 0)
    return Error::from_errno(std::string("read map ") + map.name, errno);
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = map.flags);
  const UniqueFd theirs(bpf_map_create(static_cast<bpf_map_type>(map.type), map.name, map.key_bytes,
                                       map.value_bytes, info.max_entries, &options));
  if (!theirs) return Error::from_errno(std::string("make map ") + map.name, errno);
  MESH_TRY_ASSIGN(const Carried done, carry(own.get(), theirs.get(), map.write, Carrying::kAll));
  sum.entries += done.entries;
  sum.refused += done.refused;
  return pin(theirs.get(), to, map.name);
}

// Without it the other build keeps this one's programs until it has a policy of its own.
Status export_image(const Layout& layout, const PinFolder& from, const PinFolder& to) {
  if (layout.write_image == nullptr) return {};
  MESH_TRY_ASSIGN(const UniqueFd own, open_pin(from, "acl_image"));
  MESH_TRY_ASSIGN(const auto in_force,
                  (Map<std::uint32_t, std::uint32_t>{own.get(), "acl_image"}.get(0)));
  if (!in_force) return {};
  MESH_TRY_ASSIGN(const AclImageMap image, AclImageMap::open(*in_force));
  std::vector<mesh_acl_line> lines(image.lines().begin(), image.lines().end());
  if (!layout.write_image(lines)) return {};
  MESH_TRY_ASSIGN(const AclImageMap theirs, AclImageMap::create(lines));
  LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = static_cast<__u32>(theirs.fd()));
  const UniqueFd outer(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "acl_image", sizeof(__u32),
                                      sizeof(__u32), 1, &options));
  if (!outer) return Error::from_errno("make map acl_image", errno);
  MESH_TRY((Map<std::uint32_t, int>{outer.get(), "acl_image"}.set(0, theirs.fd())));
  return pin(outer.get(), to, "acl_image");
}

std::string known_versions() {
  std::string text;
  for (const Layout* layout : known_layouts())
    text += (text.empty() ? "" : ", ") + std::to_string(layout->version);
  return text;
}

}  // namespace

Result<Carried> export_layout(const std::string& instance, std::uint32_t version) {
  const Layout* const layout = find_layout(version);
  if (layout == nullptr) {
    return Error(ErrorCode::kUnsupported, "this build cannot write layout " +
                                              std::to_string(version) + "; it knows " +
                                              known_versions());
  }
  MESH_TRY_ASSIGN(const PinFolder from, PinFolder::open(instance));
  MESH_TRY_ASSIGN(const PinFolder old, PinFolder::open(instance, version));
  MESH_TRY(old.remove());
  MESH_TRY_ASSIGN(const PinFolder to, PinFolder::open(instance, version));
  Carried sum;
  Status done;
  for (const MapLayout& map : layout->maps) {
    if (done) done = export_map(map, from, to, sum);
  }
  if (done) done = export_image(*layout, from, to);
  if (done) return sum;
  // Half of it would be taken for all.
  (void)to.remove();
  return done.error().with_context("leaving the state in layout " + std::to_string(version));
}

}  // namespace kernmesh::bpf
