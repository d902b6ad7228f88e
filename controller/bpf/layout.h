// SPDX-License-Identifier: Apache-2.0
// Other versions of the maps' layout, as far as this build can read and write them (L2). A
// version's maps that are laid out as ours are shared: both versions have the same map of the
// kernel's. Those that differ are converted entry by entry. What a layout does not name starts anew
// with each version: counters by reason, budgets, ring buffers. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bpf/abi/acl.h"

namespace kernmesh::bpf {

using EntryBytes = std::span<const std::byte>;

// Where an entry of the other side goes; both are zero at first.
struct EntryTarget {
  std::span<std::byte> key;
  std::span<std::byte> value;
};
// False: the entry means nothing on the other side.
using EntryConversion = bool (*)(EntryBytes key, EntryBytes value, EntryTarget to);
// In place. False: such an image cannot be converted.
using ImageConversion = bool (*)(std::span<mesh_acl_line> image);

// A map of the other version.
struct MapLayout {
  const char* name;
  std::uint32_t type;  // enum bpf_map_type
  std::uint32_t key_bytes;
  std::uint32_t value_bytes;
  std::uint32_t flags = 0;          // with which it is made
  EntryConversion read = nullptr;   // theirs to ours; null: laid out as ours, so shared
  EntryConversion write = nullptr;  // ours to theirs
};

struct Layout {
  std::uint32_t version;
  std::span<const MapLayout> maps;
  // The policy's image, which no map of the list holds. Null: cannot be converted.
  ImageConversion read_image = nullptr;
  ImageConversion write_image = nullptr;
};

// nullptr: this build does not know it.
const Layout* find_layout(std::uint32_t version);
// All that it knows, the newest first.
std::span<const Layout* const> known_layouts();

}  // namespace kernmesh::bpf
