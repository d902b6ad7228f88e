// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/layout_3.h"

#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "bpf/abi/acl_state.h"
#include "bpf/abi/underlay.h"

namespace kernmesh::bpf {
namespace {

// Both settings have had the version at this place since version 1.
constexpr std::size_t kVersionOffset = offsetof(mesh_underlay_config, abi);
static_assert(kVersionOffset == offsetof(mesh_acl_config, abi));

void copy(EntryBytes key, EntryBytes value, EntryTarget to) {
  std::copy(key.begin(), key.end(), to.key.begin());
  std::copy(value.begin(), value.end(), to.value.begin());
}

template <std::uint32_t kVersion>
bool set_version(EntryBytes key, EntryBytes value, EntryTarget to) {
  copy(key, value, to);
  const std::uint32_t version = kVersion;
  std::memcpy(&to.value[kVersionOffset], &version, sizeof(version));
  return true;
}

template <std::uint32_t kVersion>
bool set_format(std::span<mesh_acl_line> image) {
  image[0].w[offsetof(mesh_acl_header, format) / sizeof(__u32)] = kVersion;
  return true;
}

// There an entry of any value is an address at which WireGuard's packets arrive.
bool read_local(EntryBytes key, EntryBytes value, EntryTarget to) {
  copy(key, value, to);
  const std::uint32_t kind = MESH_LOCAL_UNDERLAY;
  std::memcpy(to.value.data(), &kind, sizeof(kind));
  return true;
}
bool write_local(EntryBytes key, EntryBytes value, EntryTarget to) {
  std::uint32_t kind = 0;
  std::memcpy(&kind, value.data(), sizeof(kind));
  copy(key, value, to);
  return kind == MESH_LOCAL_UNDERLAY;
}

constexpr std::uint32_t kSettingsBytes = 32, kAclSettingsBytes = 24;
constexpr std::array kMaps3 = {
    MapLayout{"config", BPF_MAP_TYPE_ARRAY, 4, kSettingsBytes, 0, set_version<MESH_ABI_VERSION>,
              set_version<3>},
    MapLayout{"paths", BPF_MAP_TYPE_HASH, 4, 112, BPF_F_NO_PREALLOC},
    MapLayout{"sources", BPF_MAP_TYPE_HASH, 24, 8, BPF_F_NO_PREALLOC},
    MapLayout{"indices", BPF_MAP_TYPE_LRU_HASH, 4, 4},
    MapLayout{"locals", BPF_MAP_TYPE_HASH, 16, 4, 0, read_local, write_local},
    MapLayout{"traffic", BPF_MAP_TYPE_ARRAY, 4, 64},
    MapLayout{"acl_config", BPF_MAP_TYPE_ARRAY, 4, kAclSettingsBytes, 0,
              set_version<MESH_ABI_VERSION>, set_version<3>},
    MapLayout{"flows", BPF_MAP_TYPE_LRU_HASH, 40, 24},
    MapLayout{"served", BPF_MAP_TYPE_LRU_HASH, 40, 24},
    MapLayout{"fragments", BPF_MAP_TYPE_LRU_HASH, 40, 16},
    MapLayout{"rule_counters", BPF_MAP_TYPE_ARRAY, 4, 16},
};

}  // namespace

const Layout kLayout3{3, kMaps3, set_format<MESH_ABI_VERSION>, set_format<3>};

}  // namespace kernmesh::bpf
