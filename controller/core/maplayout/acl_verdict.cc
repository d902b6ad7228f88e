// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/acl_verdict.h"

#include <bit>
#include <optional>

#include "bpf/abi/acl_hash.h"
#include "controller/core/maplayout/address_number.h"
#include "controller/core/maplayout/image_view.h"

namespace kernmesh::maplayout {
namespace {

// An address's place among the classes. Nothing of it that must be in the image was missing.
struct Place {
  NodeId node;
  std::uint32_t address_class = MESH_ACL_NOBODY;
};

// Each step gives nothing when the image cannot be one.
class Judgement {
 public:
  explicit Judgement(std::span<const mesh_acl_line> image) : view_(image) {}

  AclVerdict run(const policy::Packet& packet) {
    if (!open()) return {};
    const auto source = find_source(packet.source);
    if (!source) return {};
    if (source->address_class == MESH_ACL_NOBODY) return {AclOutcome::kUnknownSource, {}, 0, {}};
    const auto destination = find_destination(packet.destination);
    if (!destination) return {};
    if (*destination == MESH_ACL_NOBODY) return {AclOutcome::kNotOurs, source->node, 0, {}};
    const auto port_class = port_class_of(packet);
    if (!port_class) return {};
    const auto slot = slot_at(source->address_class, *destination, *port_class);
    if (!slot) return {};
    if (*slot == 0) return {AclOutcome::kDenied, source->node, 0, {}};
    return allowed(source->node, *slot);
  }

 private:
  bool open() {
    const auto header = view_.at<mesh_acl_header>(kHeaderLine, 0);
    const auto extent = view_.at<mesh_acl_extent>(kExtentLine, 0);
    if (!header || !extent) return false;
    header_ = *header;
    extent_ = *extent;
    return header_.format == MESH_ABI_VERSION && extent_.lines <= view_.lines() &&
           header_.bits_v4 <= MESH_ACL_MAX_BITS && header_.bits_v6 <= MESH_ACL_MAX_BITS &&
           header_.source_count <= MESH_ACL_MAX_RANGES &&
           header_.destination_count <= MESH_ACL_MAX_RANGES && header_.destination_classes != 0;
  }

  std::optional<Place> find_source(const IpAddress& address) const {
    if (address.is_v4_mapped()) return Place{};
    const mesh_addr wanted = to_mesh_addr(address);
    bool is_whole = true;
    const auto found =
        address.is_v4()
            ? find_entry<mesh_acl_entry_v4>(
                  MESH_ACL_FIXED_LINES, header_.bits_v4,
                  mesh_acl_hash_v4(wanted.w[3], header_.seed), is_whole,
                  [&](const mesh_acl_entry_v4& entry) { return entry.addr == wanted.w[3]; })
            : find_entry<mesh_acl_entry_v6>(
                  header_.buckets_v6, header_.bits_v6, mesh_acl_hash(&wanted, header_.seed),
                  is_whole,
                  [&](const mesh_acl_entry_v6& entry) { return is_same(entry.addr, wanted); });
    if (found || !is_whole) return found;
    return find_range(header_.sources, header_.source_count, to_number(address));
  }

  // is_whole becomes false when a line of the table is not in the image.
  template <typename Entry, typename Holds>
  std::optional<Place> find_entry(std::uint64_t first_line, std::uint32_t bits, std::uint32_t hash,
                                  bool& is_whole, Holds holds) const {
    const std::uint32_t mask = (1u << bits) - 1;
    for (std::uint32_t probe = 0; probe < MESH_ACL_PROBES; ++probe) {
      bool is_last = false;
      for (std::uint64_t i = 0; i < MESH_ACL_LINE_BYTES / sizeof(Entry); ++i) {
        const auto entry = view_.at<Entry>(first_line + ((hash + probe) & mask), i);
        is_whole = entry.has_value();
        if (!is_whole) return std::nullopt;
        if (entry->state == MESH_ACL_VALID && holds(*entry)) {
          return Place{NodeId(entry->who >> 32), static_cast<std::uint32_t>(entry->who)};
        }
        is_last = is_last || entry->state == MESH_ACL_FREE;
      }
      if (is_last) break;
    }
    return std::nullopt;
  }

  std::optional<std::uint32_t> find_destination(const IpAddress& address) const {
    if (address.is_v4_mapped() || address.is_unspecified()) return MESH_ACL_NOBODY;
    const auto own = view_.at<mesh_acl_own>(kOwnLine, 0);
    if (!own) return std::nullopt;
    const mesh_addr wanted = to_mesh_addr(address);
    for (std::size_t i = 0; i < MESH_ACL_OWN_COUNT; ++i) {
      if (is_same(own->addr[i], wanted)) return own->destination_class[i];
    }
    const auto place =
        find_range(header_.destinations, header_.destination_count, to_number(address));
    if (!place) return std::nullopt;
    return place->address_class;
  }

  // The last range that starts at or before the address.
  std::optional<Place> find_range(std::uint32_t line, std::uint32_t count,
                                  AddressNumber number) const {
    Place found;
    std::uint32_t low = 0, high = count;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      const auto range = view_.at<mesh_acl_range>(line, middle);
      if (!range) return std::nullopt;
      if ((AddressNumber{range->first_hi} << 64 | range->first_lo) <= number) {
        found = {NodeId(range->node), range->address_class};
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return found;
  }

  std::optional<std::uint32_t> port_class_of(const policy::Packet& packet) const {
    std::uint32_t table = 0;
    if (packet.protocol == policy::kProtocolTcp) table = header_.ports[0];
    if (packet.protocol == policy::kProtocolUdp) table = header_.ports[1];
    if (packet.protocol == policy::kProtocolSctp) table = header_.ports[2];
    const auto found = table == 0 ? view_.at<__u16>(header_.protocols, packet.protocol)
                                  : view_.at<__u16>(table, packet.port);
    if (!found || *found >= extent_.port_classes) return std::nullopt;
    return *found;
  }

  std::optional<std::uint32_t> slot_at(std::uint32_t source, std::uint32_t destination,
                                       std::uint32_t port) const {
    if (source >= extent_.source_classes || destination >= header_.destination_classes) {
      return std::nullopt;
    }
    const auto cell = view_.at<mesh_acl_cell>(
        header_.cells, std::uint64_t{source} * header_.destination_classes + destination);
    if (!cell) return std::nullopt;
    if (cell->row == 0 || port == MESH_ACL_NO_PORT_CLASS) return 0;
    if ((cell->row & MESH_ACL_ROW_SINGLE) != 0) {
      return cell->row == (MESH_ACL_ROW_SINGLE | port) ? cell->slot : 0;
    }
    const std::uint64_t row = cell->row & ~MESH_ACL_ROW_SPARSE;
    if ((cell->row & MESH_ACL_ROW_SPARSE) == 0) return row_word(row + port);
    return find_pair(row, port);
  }

  std::optional<std::uint32_t> find_pair(std::uint64_t row, std::uint32_t port) const {
    const auto count = row_word(row);
    if (!count || *count > MESH_ACL_MAX_SPARSE) return std::nullopt;
    std::uint32_t low = 0, high = *count;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      const auto port_class = row_word(row + 2 + std::uint64_t{middle} * 2);
      if (!port_class) return std::nullopt;
      if (*port_class == port) return row_word(row + 3 + std::uint64_t{middle} * 2);
      if (*port_class < port) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return 0;
  }

  std::optional<std::uint32_t> row_word(std::uint64_t index) const {
    if (index >= extent_.row_words) return std::nullopt;
    return view_.at<__u32>(header_.rows, index);
  }

  AclVerdict allowed(NodeId node, std::uint32_t slot) const {
    if (slot >= extent_.rule_count) return {};
    const auto rule = view_.at<mesh_acl_rule>(extent_.rules, slot);
    if (!rule || rule->id == 0) return {};
    return {AclOutcome::kAllowed,
            node,
            slot,
            {RuleId(rule->id), rule->line, PolicyRevision(rule->policy_revision)}};
  }

  ImageView view_;
  mesh_acl_header header_{};
  mesh_acl_extent extent_{};
};

}  // namespace

AclVerdict judge(std::span<const mesh_acl_line> image, const policy::Packet& packet) {
  return Judgement(image).run(packet);
}

}  // namespace kernmesh::maplayout
