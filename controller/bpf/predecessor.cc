// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/predecessor.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "bpf/abi/underlay.h"
#include "controller/bpf/attachment.h"

namespace kernmesh::bpf {
namespace {

// Offsets that no version may change.
static_assert(offsetof(mesh_underlay_config, owner) == 0 &&
              offsetof(mesh_underlay_config, abi) == 8);

// Larger than any version's `config` will be; a bigger one is not ours.
constexpr std::size_t kMostConfigBytes = 256;

std::optional<Ownership> read_ownership(int map_fd) {
  bpf_map_info info{};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &size) != 0) return std::nullopt;
  if (std::strcmp(info.name, "config") != 0 || info.type != BPF_MAP_TYPE_ARRAY ||
      info.max_entries != 1 || info.value_size < sizeof(Ownership) ||
      info.value_size > kMostConfigBytes) {
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

std::vector<std::uint32_t> find_predecessors(std::uint64_t owner) {
  std::vector<std::uint32_t> ids;
  for (const IfIndex interface : interfaces()) {
    const auto state = query_hook(interface, Hook::kIngress);
    if (!state) continue;
    for (const AttachedProgram& p : state->programs) {
      if (!is_underlay_name(p.info.name)) continue;
      const auto claimed = ownership(p.info);
      if (claimed && claimed->owner == owner && claimed->abi == MESH_ABI_VERSION) {
        ids.push_back(p.info.id);
      }
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace kernmesh::bpf
