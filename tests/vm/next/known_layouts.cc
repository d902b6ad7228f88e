// SPDX-License-Identifier: Apache-2.0
// What a build of the next layout would know of the present one, in place of
// controller/bpf/layout_history.cc: the structs that it changed, frozen, and how they are
// converted.
#include <linux/bpf.h>

#include <array>
#include <cstring>

#include "bpf/abi/acl_state.h"
#include "bpf/abi/underlay.h"
#include "controller/bpf/layout.h"

namespace kernmesh::bpf {
namespace {

constexpr std::uint32_t kPresent = 4;
static_assert(MESH_ABI_VERSION == kPresent + 1);

struct PresentPath {
  __u64 deadline_ns;
  __u32 use;
  __u32 slot;
  mesh_hop hop[2];
};
struct PresentFlow {
  __u64 opened_ns;
  __u64 seen_ns;
  __u32 state;
  __u32 zero;
};

template <typename Struct>
Struct value_of(EntryBytes bytes) {
  Struct value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}
template <typename Struct>
bool store(const Struct& value, EntryBytes key, EntryTarget to) {
  std::memcpy(to.key.data(), key.data(), key.size());
  std::memcpy(to.value.data(), &value, sizeof(value));
  return true;
}

bool read_path(EntryBytes key, EntryBytes value, EntryTarget to) {
  const auto old = value_of<PresentPath>(value);
  return store(mesh_path{.changed = 1,
                         .deadline_ns = old.deadline_ns,
                         .use = old.use,
                         .slot = old.slot,
                         .hop = {old.hop[0], old.hop[1]}},
               key, to);
}
bool write_path(EntryBytes key, EntryBytes value, EntryTarget to) {
  const auto own = value_of<mesh_path>(value);
  return store(PresentPath{own.deadline_ns, own.use, own.slot, {own.hop[0], own.hop[1]}}, key, to);
}
bool read_flow(EntryBytes key, EntryBytes value, EntryTarget to) {
  const auto old = value_of<PresentFlow>(value);
  return store(mesh_flow{.changed = 1,
                         .opened_ns = old.opened_ns,
                         .seen_ns = old.seen_ns,
                         .state = old.state,
                         .zero = 0},
               key, to);
}
bool write_flow(EntryBytes key, EntryBytes value, EntryTarget to) {
  const auto own = value_of<mesh_flow>(value);
  return store(PresentFlow{own.opened_ns, own.seen_ns, own.state, 0}, key, to);
}

template <std::uint32_t kVersion>
bool set_underlay_version(EntryBytes key, EntryBytes value, EntryTarget to) {
  auto config = value_of<mesh_underlay_config>(value);
  config.abi = kVersion;
  return store(config, key, to);
}
template <std::uint32_t kVersion>
bool set_acl_version(EntryBytes key, EntryBytes value, EntryTarget to) {
  auto config = value_of<mesh_acl_config>(value);
  config.abi = kVersion;
  return store(config, key, to);
}
template <std::uint32_t kVersion>
bool set_format(std::span<mesh_acl_line> image) {
  image[0].w[0] = kVersion;
  return true;
}

constexpr std::array kPresentMaps = {
    MapLayout{"config", BPF_MAP_TYPE_ARRAY, 4, 32, 0, set_underlay_version<MESH_ABI_VERSION>,
              set_underlay_version<kPresent>},
    MapLayout{"paths", BPF_MAP_TYPE_HASH, 4, sizeof(PresentPath), BPF_F_NO_PREALLOC, read_path,
              write_path},
    MapLayout{"sources", BPF_MAP_TYPE_HASH, 24, 8, BPF_F_NO_PREALLOC},
    MapLayout{"indices", BPF_MAP_TYPE_LRU_HASH, 4, 4},
    MapLayout{"locals", BPF_MAP_TYPE_HASH, 16, 4},
    MapLayout{"traffic", BPF_MAP_TYPE_ARRAY, 4, 64},
    MapLayout{"acl_config", BPF_MAP_TYPE_ARRAY, 4, 24, 0, set_acl_version<MESH_ABI_VERSION>,
              set_acl_version<kPresent>},
    MapLayout{"flows", BPF_MAP_TYPE_LRU_HASH, 40, sizeof(PresentFlow), 0, read_flow, write_flow},
    MapLayout{"served", BPF_MAP_TYPE_LRU_HASH, 40, sizeof(PresentFlow), 0, read_flow, write_flow},
    MapLayout{"fragments", BPF_MAP_TYPE_LRU_HASH, 40, 16},
    MapLayout{"rule_counters", BPF_MAP_TYPE_ARRAY, 4, 16},
};
constexpr Layout kPresentLayout{kPresent, kPresentMaps, set_format<MESH_ABI_VERSION>,
                                set_format<kPresent>};

}  // namespace

std::span<const Layout* const> known_layouts() {
  static constexpr std::array<const Layout*, 1> kKnown = {&kPresentLayout};
  return kKnown;
}

const Layout* find_layout(std::uint32_t version) {
  return version == kPresent ? &kPresentLayout : nullptr;
}

}  // namespace kernmesh::bpf
