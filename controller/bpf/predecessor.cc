// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/predecessor.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "bpf/abi/acl_state.h"
#include "bpf/abi/underlay.h"
#include "controller/bpf/attachment.h"

namespace kernmesh::bpf {
namespace {

// Offsets that no version may change.
static_assert(offsetof(mesh_underlay_config, owner) == 0 &&
              offsetof(mesh_underlay_config, abi) == 8);
static_assert(offsetof(mesh_acl_config, owner) == 0 && offsetof(mesh_acl_config, abi) == 8);

// Larger than any version's settings will be; bigger ones are not ours.
constexpr std::size_t kMostConfigBytes = 256;

std::optional<Ownership> read_ownership(int map_fd) {
  bpf_map_info info{};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &size) != 0) return std::nullopt;
  const bool is_settings =
      std::strcmp(info.name, "config") == 0 || std::strcmp(info.name, "acl_config") == 0;
  if (!is_settings || info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != 1 ||
      info.value_size < sizeof(Ownership) || info.value_size > kMostConfigBytes) {
    return std::nullopt;
  }
  std::array<std::byte, kMostConfigBytes> value{};
  const std::uint32_t zero = 0;
  if (bpf_map_lookup_elem(map_fd, &zero, value.data()) != 0) return std::nullopt;
  Ownership out;
  std::memcpy(&out.owner, value.data(), sizeof(out.owner));
  std::memcpy(&out.abi, value.data() + offsetof(mesh_underlay_config, abi), sizeof(out.abi));
  if (out.owner == 0) return std::nullopt;
  return out;
}

// A program hangs on several interfaces.
void append(std::vector<Predecessor>& found, Predecessor one) {
  const bool is_known = std::any_of(found.begin(), found.end(), [&](const Predecessor& p) {
    return p.program_id == one.program_id;
  });
  if (!is_known) found.push_back(one);
}

bool is_acl_name(const std::string& program) { return program == "acl_in" || program == "acl_out"; }

}  // namespace

std::uint64_t owner_of(const std::string& instance) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, RFC 9923
  for (const unsigned char c : instance) hash = (hash ^ c) * 0x100000001b3;
  return hash == 0 ? 1 : hash;
}

bool is_underlay_name(const std::string& program) {
  return program == "underlay_out" || program == "underlay_in" || program == "underlay_in_l3";
}

std::optional<Ownership> ownership(const ProgramInfo& program) {
  for (const std::uint32_t id : program.map_ids) {
    const UniqueFd map(bpf_map_get_fd_by_id(id));
    if (!map) continue;
    if (const auto found = read_ownership(map.get())) return found;
  }
  return std::nullopt;
}

std::vector<Predecessor> find_underlay_predecessors(std::uint64_t owner) {
  std::vector<Predecessor> found;
  for (const IfIndex interface : interfaces()) {
    const auto state = query_hook(interface, Hook::kIngress);
    if (!state) continue;
    for (const AttachedProgram& p : state->programs) {
      if (!is_underlay_name(p.info.name)) continue;
      const auto claimed = ownership(p.info);
      if (claimed && claimed->owner == owner) append(found, {p.info.id, claimed->abi});
    }
  }
  return found;
}

std::vector<Predecessor> find_acl_predecessors(std::uint64_t owner, IfIndex mesh) {
  std::vector<Predecessor> found;
  if (mesh.value() == 0) return found;
  for (const Hook hook : {Hook::kIngress, Hook::kEgress}) {
    const auto state = query_hook(mesh, hook);
    if (!state) continue;
    for (const AttachedProgram& p : state->programs) {
      if (!is_acl_name(p.info.name)) continue;
      const auto claimed = ownership(p.info);
      if (claimed && claimed->owner != owner) continue;
      append(found, {p.info.id, claimed ? claimed->abi : MESH_ABI_VERSION});
    }
  }
  return found;
}

}  // namespace kernmesh::bpf
