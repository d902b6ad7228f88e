// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/address_table.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

namespace kernmesh::maplayout {
namespace {

constexpr std::uint32_t kFixedLines = 3;  // mesh_acl_header, mesh_acl_own, mesh_acl_extent
constexpr std::uint64_t kPerLine = MESH_ACL_LINE_BYTES / sizeof(mesh_acl_entry);
// A table is at most five eighths full: less would be more cache lines, more would overflow
// windows.
constexpr int kSeedsTried = 8;

std::uint64_t to_who(const SourceAddress& source) {
  return source.node.value() << 32 | source.source_class;
}

SourceAddress to_source(const mesh_acl_entry& entry) {
  return {entry.addr, NodeId(entry.who >> 32), static_cast<std::uint32_t>(entry.who)};
}

// Where entries are; Entry is const for those who only look.
template <typename Entry>
struct Buckets {
  Entry* entries = nullptr;  // null: the header does not fit the image
  std::uint32_t mask = 0;
  std::uint32_t seed = 0;

  // Calls visit(entry) for those in the window of the address until it returns true.
  template <typename Visit>
  Entry* first_of(const mesh_addr& address, Visit visit) const {
    if (entries == nullptr) return nullptr;
    const std::uint32_t hash = mesh_acl_hash(&address, seed);
    for (std::uint32_t probe = 0; probe < MESH_ACL_PROBES; ++probe) {
      Entry* const line = entries + std::uint64_t{(hash + probe) & mask} * kPerLine;
      for (std::uint64_t i = 0; i < kPerLine; ++i) {
        if (visit(line[i])) return &line[i];
      }
    }
    return nullptr;
  }

  Entry* find(const mesh_addr& address) const {
    return first_of(address, [&](const mesh_acl_entry& entry) {
      return entry.state == MESH_ACL_VALID && is_same(entry.addr, address);
    });
  }
};

template <typename Entry, typename Line>
Buckets<Entry> buckets_of(std::span<Line> image) {
  if (image.empty()) return {};
  mesh_acl_header header;
  std::memcpy(&header, image.data(), sizeof header);
  const std::uint64_t lines = std::uint64_t{header.bucket_mask} + 1;
  // A table over the header would change, by being written to, where it is.
  if (!std::has_single_bit(lines) || header.buckets < kFixedLines ||
      header.buckets + lines > image.size()) {
    return {};
  }
  return {reinterpret_cast<Entry*>(image.data() + header.buckets), header.bucket_mask, header.seed};
}

bool is_free(const mesh_acl_entry& entry) { return entry.state == MESH_ACL_FREE; }

bool place_all(const std::vector<SourceAddress>& addresses, AddressTable& table) {
  std::fill(table.lines.begin(), table.lines.end(), mesh_acl_line{});
  const Buckets<mesh_acl_entry> buckets{reinterpret_cast<mesh_acl_entry*>(table.lines.data()),
                                        static_cast<std::uint32_t>(table.lines.size() - 1),
                                        table.seed};
  return std::all_of(addresses.begin(), addresses.end(), [&](const SourceAddress& source) {
    mesh_acl_entry* const entry = buckets.first_of(source.address, is_free);
    if (entry != nullptr) *entry = {source.address, to_who(source), MESH_ACL_VALID, 0};
    return entry != nullptr;
  });
}

}  // namespace

Result<AddressTable> lay_out(const std::vector<SourceAddress>& addresses, std::uint32_t seed,
                             std::uint64_t max_lines) {
  std::uint64_t lines =
      std::bit_ceil(std::max<std::uint64_t>((addresses.size() * 4 + 4) / 5, MESH_ACL_PROBES));
  for (; lines <= max_lines; lines *= 2) {
    AddressTable table{seed, std::vector<mesh_acl_line>(lines)};
    for (int i = 0; i < kSeedsTried; ++i, ++table.seed) {
      if (place_all(addresses, table)) return table;
    }
  }
  return Error(ErrorCode::kExhausted, "no room for the addresses of peers, " +
                                          std::to_string(addresses.size()) + ", in an image of " +
                                          std::to_string(max_lines) + " lines");
}

bool Reservations::reserve(const mesh_addr& address) {
  const auto buckets = buckets_of<const mesh_acl_entry>(image_);
  if (buckets.find(address) != nullptr) return true;
  const mesh_acl_entry* const entry =
      buckets.first_of(address, [&](const mesh_acl_entry& candidate) {
        return is_free(candidate) &&
               !std::binary_search(taken_.begin(), taken_.end(), &candidate, std::less<>());
      });
  if (entry == nullptr) return false;
  taken_.insert(std::lower_bound(taken_.begin(), taken_.end(), entry, std::less<>()), entry);
  return true;
}

bool set_address(std::span<mesh_acl_line> image, const SourceAddress& source) {
  const auto buckets = buckets_of<mesh_acl_entry>(image);
  mesh_acl_entry* entry = buckets.find(source.address);
  if (entry != nullptr) {
    std::atomic_ref<__u64>(entry->who).store(to_who(source), std::memory_order_release);
    return true;
  }
  entry = buckets.first_of(source.address, is_free);
  if (entry == nullptr) return false;
  entry->addr = source.address;
  entry->who = to_who(source);
  // Programs look at the rest only of an entry that is valid.
  std::atomic_ref<__u32>(entry->state).store(MESH_ACL_VALID, std::memory_order_release);
  return true;
}

bool remove_address(std::span<mesh_acl_line> image, const mesh_addr& address) {
  mesh_acl_entry* const entry = buckets_of<mesh_acl_entry>(image).find(address);
  if (entry == nullptr) return false;
  std::atomic_ref<__u32>(entry->state).store(MESH_ACL_REMOVED, std::memory_order_release);
  return true;
}

std::vector<SourceAddress> addresses_in(std::span<const mesh_acl_line> image) {
  std::vector<SourceAddress> found;
  const auto buckets = buckets_of<const mesh_acl_entry>(image);
  if (buckets.entries == nullptr) return found;
  const std::uint64_t count = (std::uint64_t{buckets.mask} + 1) * kPerLine;
  for (std::uint64_t i = 0; i < count; ++i) {
    const mesh_acl_entry& entry = buckets.entries[i];
    if (entry.state == MESH_ACL_VALID) found.push_back(to_source(entry));
  }
  return found;
}

std::optional<SourceAddress> find_address(std::span<const mesh_acl_line> image,
                                          const mesh_addr& address) {
  const mesh_acl_entry* const entry = buckets_of<const mesh_acl_entry>(image).find(address);
  if (entry == nullptr) return std::nullopt;
  return to_source(*entry);
}

}  // namespace kernmesh::maplayout
