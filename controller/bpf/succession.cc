// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/succession.h"

#include <bpf/bpf.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace kernmesh::bpf {
namespace {

using MapsByName = std::map<std::string, UniqueFd>;

Result<bpf_map_info> info_of(int fd) {
  bpf_map_info info{};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return Error::from_errno("read map", errno);
  return info;
}

// No program alone uses all maps.
Result<MapsByName> maps_of(const std::vector<Predecessor>& running, std::uint32_t version) {
  MapsByName maps;
  for (const Predecessor& one : running) {
    if (one.abi != version) continue;
    MESH_TRY_ASSIGN(const UniqueFd program, program_by_id(one.program_id));
    MESH_TRY_ASSIGN(const ProgramInfo program_facts, program_info(program.get()));
    for (const std::uint32_t id : program_facts.map_ids) {
      UniqueFd fd(bpf_map_get_fd_by_id(id));
      if (!fd) return Error::from_errno("open map " + std::to_string(id), errno);
      MESH_TRY_ASSIGN(const bpf_map_info info, info_of(fd.get()));
      maps.try_emplace(std::string(info.name, strnlen(info.name, sizeof(info.name))),
                       std::move(fd));
    }
  }
  return maps;
}

// A build of that version may have been made from a source that was not ours.
bool are_as_described(const MapsByName& maps, const Layout& layout) {
  return std::all_of(layout.maps.begin(), layout.maps.end(), [&](const MapLayout& expected) {
    const auto found = maps.find(expected.name);
    if (found == maps.end()) return true;
    const auto info = info_of(found->second.get());
    return info && info->type == expected.type && info->key_size == expected.key_bytes &&
           info->value_size == expected.value_bytes;
  });
}

// False: it is there already.
Result<bool> put(int map, const std::vector<std::byte>& key, const std::vector<std::byte>& value,
                 Carrying which) {
  const auto flags = which == Carrying::kAll ? BPF_ANY : BPF_NOEXIST;
  // The kernel refills its reserve of entries a little later than thousands of writes in a row
  // empty it, and says ENOMEM meanwhile.
  constexpr int kAttempts = 200;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (bpf_map_update_elem(map, key.data(), value.data(), flags) == 0) return true;
    if (errno == EEXIST) return false;
    if (errno != ENOMEM) break;
    constexpr timespec kPause{0, 100'000};
    nanosleep(&kPause, nullptr);
  }
  return Error::from_errno("write into a map of another layout version", errno);
}

}  // namespace

Result<Carried> carry(int from, int to, EntryConversion convert, Carrying which) {
  MESH_TRY_ASSIGN(const bpf_map_info source, info_of(from));
  MESH_TRY_ASSIGN(const bpf_map_info target, info_of(to));
  constexpr std::uint32_t kBatch = 4096;  // no bucket is as long
  std::vector<std::byte> keys(std::size_t{kBatch} * source.key_size);
  std::vector<std::byte> values(std::size_t{kBatch} * source.value_size);
  std::vector<std::byte> key(target.key_size), value(target.value_size);
  const std::string name = source.name;
  Carried done;
  std::uint32_t place = 0;  // the kernel's
  for (bool first = true, more = true; more; first = false) {
    std::uint32_t got = kBatch;
    more = bpf_map_lookup_batch(from, first ? nullptr : &place, &place, keys.data(), values.data(),
                                &got, nullptr) == 0;
    if (!more && errno != ENOENT) return Error::from_errno("read map " + name, errno);
    for (std::size_t i = 0; i < got; ++i) {
      std::fill(key.begin(), key.end(), std::byte{0});
      std::fill(value.begin(), value.end(), std::byte{0});
      if (!convert(EntryBytes(keys).subspan(i * source.key_size, source.key_size),
                   EntryBytes(values).subspan(i * source.value_size, source.value_size),
                   {key, value})) {
        ++done.refused;
        continue;
      }
      MESH_TRY_ASSIGN(const bool is_new, put(to, key, value, which));
      done.entries += is_new ? 1 : 0;
    }
  }
  return done;
}

Result<Succession> Succession::begin(Object& object, const PinFolder& pins,
                                     const std::vector<Predecessor>& running) {
  Succession out;
  const auto is_ours = [](const Predecessor& p) { return p.abi == MESH_ABI_VERSION; };
  if (!running.empty() && std::none_of(running.begin(), running.end(), is_ours)) {
    const std::uint32_t version = running.front().abi;
    MESH_TRY_ASSIGN(out.old_maps_, maps_of(running, version));
    out.from_ = find_layout(version);
    if (out.from_ != nullptr && are_as_described(out.old_maps_, *out.from_)) {
      MESH_TRY(object.unpin(pins));
      MESH_TRY(out.share(object));
      return out;
    }
    out.from_ = nullptr;
    out.old_maps_.clear();
    out.unreadable_ = version;
  }
  MESH_TRY_ASSIGN(out.adopted_, object.adopt_pins(pins));
  for (const Predecessor& one : running) {
    if (!is_ours(one)) continue;
    MESH_TRY_ASSIGN(const int more, object.adopt_program(one.program_id));
    out.adopted_ += more;
  }
  return out;
}

int Succession::old_map(const std::string& name) const {
  const auto found = old_maps_.find(name);
  return found == old_maps_.end() ? -1 : found->second.get();
}

Status Succession::share(Object& object) {
  for (const MapLayout& map : from_->maps) {
    const int old = old_map(map.name);
    if (old < 0 || !object.has_map(map.name)) continue;
    if (map.read == nullptr) {
      MESH_TRY(object.adopt(map.name, old, "layout " + std::to_string(from_->version)));
      ++adopted_;
    } else {
      MESH_TRY_ASSIGN(const bpf_map_info info, info_of(old));
      MESH_TRY(object.set_max_entries(map.name, info.max_entries));
    }
  }
  return {};
}

Status Succession::fill(const Object& object) {
  if (from_ == nullptr) return {};
  for (const MapLayout& map : from_->maps) {
    const int old = old_map(map.name);
    if (old < 0 || map.read == nullptr || !object.has_map(map.name)) continue;
    MESH_TRY_ASSIGN(const Carried done,
                    carry(old, object.map_fd(map.name), map.read, Carrying::kAll));
    carried_.entries += done.entries;
    carried_.refused += done.refused;
  }
  return {};
}

Status Succession::catch_up(const Object& object) {
  if (from_ == nullptr) return {};
  for (const MapLayout& map : from_->maps) {
    const int old = old_map(map.name);
    // An array's entries are all there from the start.
    if (old < 0 || map.read == nullptr || map.type == BPF_MAP_TYPE_ARRAY ||
        !object.has_map(map.name)) {
      continue;
    }
    MESH_TRY(carry(old, object.map_fd(map.name), map.read, Carrying::kMissing));
  }
  return {};
}

}  // namespace kernmesh::bpf
