// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/address_table.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <functional>
#include <type_traits>

#include "bpf/abi/acl_hash.h"
#include "controller/core/maplayout/address_number.h"

namespace kernmesh::maplayout {
namespace {

constexpr int kSeedsTried = 8;

// What differs between the tables of the two families.
struct V4 {
  using Entry = mesh_acl_entry_v4;
  static std::uint32_t hash(const mesh_addr& address, std::uint32_t seed) {
    return mesh_acl_hash_v4(address.w[3], seed);
  }
  static bool holds(const Entry& entry, const mesh_addr& address) {
    return entry.addr == address.w[3];
  }
  static void name(Entry& entry, const mesh_addr& address) { entry.addr = address.w[3]; }
  static mesh_addr address_of(const Entry& entry) { return to_v4_mapped(entry.addr); }
};
struct V6 {
  using Entry = mesh_acl_entry_v6;
  static std::uint32_t hash(const mesh_addr& address, std::uint32_t seed) {
    return mesh_acl_hash(&address, seed);
  }
  static bool holds(const Entry& entry, const mesh_addr& address) {
    return is_same(entry.addr, address);
  }
  static void name(Entry& entry, const mesh_addr& address) { entry.addr = address; }
  static mesh_addr address_of(const Entry& entry) { return entry.addr; }
};

std::uint64_t to_who(const SourceAddress& source) {
  return source.node.value() << 32 | source.source_class;
}

// Where the entries of a family are. Line is const for those who only look.
template <typename Family, typename Line>
class Buckets {
 public:
  using Entry = std::conditional_t<std::is_const_v<Line>, const typename Family::Entry,
                                   typename Family::Entry>;

  // `lines`: a power of two of them; none holds nothing.
  Buckets(std::span<Line> lines, std::uint32_t seed) : lines_(lines), seed_(seed) {}

  // The first entry in the window of the address of which `visit` is true.
  template <typename Visit>
  Entry* first_of(const mesh_addr& address, Visit visit) const {
    if (lines_.empty()) return nullptr;
    const std::uint32_t hash = Family::hash(address, seed_);
    for (std::uint32_t probe = 0; probe < MESH_ACL_PROBES; ++probe) {
      for (Entry& entry : entries((hash + probe) & (lines_.size() - 1))) {
        if (visit(entry)) return &entry;
      }
    }
    return nullptr;
  }

  Entry* find(const mesh_addr& address) const {
    return first_of(address, [&](const Entry& entry) {
      return entry.state == MESH_ACL_VALID && Family::holds(entry, address);
    });
  }

  Entry* free_for(const mesh_addr& address) const {
    return first_of(address, [](const Entry& entry) { return entry.state == MESH_ACL_FREE; });
  }

  void list(std::vector<SourceAddress>& into) const {
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      for (const Entry& entry : entries(line)) {
        if (entry.state == MESH_ACL_VALID) into.push_back(to_source(entry));
      }
    }
  }

  static SourceAddress to_source(const typename Family::Entry& entry) {
    return {Family::address_of(entry), NodeId(entry.who >> 32),
            static_cast<std::uint32_t>(entry.who)};
  }

 private:
  std::span<Entry> entries(std::size_t line) const {
    return {reinterpret_cast<Entry*>(&lines_[line]), MESH_ACL_LINE_BYTES / sizeof(Entry)};
  }

  std::span<Line> lines_;
  std::uint32_t seed_;
};

// Nothing when the header does not fit the image. A table over the header would change, by being
// written to, where it is.
template <typename Line>
std::span<Line> table_at(std::span<Line> image, std::uint64_t first, std::uint32_t bits) {
  if (first < MESH_ACL_FIXED_LINES || bits > MESH_ACL_MAX_BITS ||
      first + (std::uint64_t{1} << bits) > image.size()) {
    return {};
  }
  return image.subspan(first, std::size_t{1} << bits);
}

template <typename Line>
Buckets<V4, Line> v4_of(std::span<Line> image, const mesh_acl_header& header) {
  return {table_at(image, MESH_ACL_FIXED_LINES, header.bits_v4), header.seed};
}
template <typename Line>
Buckets<V6, Line> v6_of(std::span<Line> image, const mesh_acl_header& header) {
  return {table_at(image, header.buckets_v6, header.bits_v6), header.seed};
}

template <typename Line>
mesh_acl_header header_of(std::span<Line> image) {
  mesh_acl_header header{};
  // Of nothing and of what is no image: no table begins there.
  header.bits_v4 = header.bits_v6 = MESH_ACL_MAX_BITS + 1;
  if (!image.empty()) std::memcpy(&header, image.data(), sizeof header);
  return header;
}

// act(buckets) with those of the address's family.
template <typename Line, typename Act>
auto with_table(std::span<Line> image, const mesh_addr& address, Act act) {
  const mesh_acl_header header = header_of(image);
  return is_v4(address) ? act(v4_of(image, header)) : act(v6_of(image, header));
}

template <typename Family>
bool place_all(const std::vector<SourceAddress>& addresses, std::span<mesh_acl_line> lines,
               std::uint32_t seed) {
  std::fill(lines.begin(), lines.end(), mesh_acl_line{});
  const Buckets<Family, mesh_acl_line> buckets(lines, seed);
  return std::all_of(addresses.begin(), addresses.end(), [&](const SourceAddress& source) {
    if (is_v4(source.address) != std::is_same_v<Family, V4>) return true;
    auto* const entry = buckets.free_for(source.address);
    if (entry == nullptr) return false;
    Family::name(*entry, source.address);
    entry->who = to_who(source);
    entry->state = MESH_ACL_VALID;
    return true;
  });
}

// Five eighths full at most: less would be more cache lines, more would overflow windows.
template <typename Family>
std::uint64_t table_lines_for(std::uint64_t addresses) {
  constexpr std::uint64_t kPerLine = MESH_ACL_LINE_BYTES / sizeof(typename Family::Entry);
  return std::bit_ceil(std::max<std::uint64_t>((addresses * 8 + 5 * kPerLine - 1) / (5 * kPerLine),
                                               MESH_ACL_PROBES));
}

}  // namespace

Result<AddressTables> lay_out(const std::vector<SourceAddress>& addresses, std::uint32_t seed,
                              std::uint64_t max_lines) {
  const auto count_v4 = static_cast<std::uint64_t>(
      std::count_if(addresses.begin(), addresses.end(),
                    [](const SourceAddress& source) { return is_v4(source.address); }));
  std::uint64_t v4 = table_lines_for<V4>(count_v4),
                v6 = table_lines_for<V6>(addresses.size() - count_v4);
  for (; v4 + v6 <= max_lines; v4 *= 2, v6 *= 2) {
    AddressTables tables{seed, std::vector<mesh_acl_line>(v4), std::vector<mesh_acl_line>(v6)};
    for (int i = 0; i < kSeedsTried; ++i, ++tables.seed) {
      if (place_all<V4>(addresses, tables.v4, tables.seed) &&
          place_all<V6>(addresses, tables.v6, tables.seed)) {
        return tables;
      }
    }
  }
  return Error(ErrorCode::kExhausted, "no room for the addresses of peers, " +
                                          std::to_string(addresses.size()) + ", in an image of " +
                                          std::to_string(max_lines) + " lines");
}

bool Reservations::reserve(const mesh_addr& address) {
  return with_table(image_, address, [&](const auto& buckets) {
    if (buckets.find(address) != nullptr) return true;
    const void* const entry = buckets.first_of(address, [&](const auto& candidate) {
      return candidate.state == MESH_ACL_FREE &&
             !std::binary_search(taken_.begin(), taken_.end(), &candidate, std::less<>());
    });
    if (entry == nullptr) return false;
    taken_.insert(std::lower_bound(taken_.begin(), taken_.end(), entry, std::less<>()), entry);
    return true;
  });
}

bool set_address(std::span<mesh_acl_line> image, const SourceAddress& source) {
  return with_table(
      image, source.address,
      [&]<typename Family, typename Line>(const Buckets<Family, Line>& buckets) {
        if (auto* const entry = buckets.find(source.address)) {
          std::atomic_ref<__u64>(entry->who).store(to_who(source), std::memory_order_release);
          return true;
        }
        auto* const entry = buckets.free_for(source.address);
        if (entry == nullptr) return false;
        Family::name(*entry, source.address);
        entry->who = to_who(source);
        // Programs look at the rest only of an entry that is valid.
        std::atomic_ref<__u32>(entry->state).store(MESH_ACL_VALID, std::memory_order_release);
        return true;
      });
}

bool remove_address(std::span<mesh_acl_line> image, const mesh_addr& address) {
  return with_table(image, address, [&](const auto& buckets) {
    auto* const entry = buckets.find(address);
    if (entry == nullptr) return false;
    std::atomic_ref<__u32>(entry->state).store(MESH_ACL_REMOVED, std::memory_order_release);
    return true;
  });
}

std::vector<SourceAddress> addresses_in(std::span<const mesh_acl_line> image) {
  std::vector<SourceAddress> found;
  const mesh_acl_header header = header_of(image);
  v4_of(image, header).list(found);
  v6_of(image, header).list(found);
  return found;
}

std::optional<SourceAddress> find_address(std::span<const mesh_acl_line> image,
                                          const mesh_addr& address) {
  return with_table(image, address, [&](const auto& buckets) -> std::optional<SourceAddress> {
    const auto* const entry = buckets.find(address);
    if (entry == nullptr) return std::nullopt;
    return buckets.to_source(*entry);
  });
}

}  // namespace kernmesh::maplayout
