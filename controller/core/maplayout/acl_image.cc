// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/acl_image.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "controller/core/maplayout/address_table.h"
#include "controller/core/maplayout/destination_classes.h"
#include "controller/core/maplayout/open_rules.h"
#include "controller/core/maplayout/port_classes.h"
#include "controller/core/maplayout/row_places.h"
#include "controller/core/maplayout/rows.h"

namespace kernmesh::maplayout {
namespace {

template <typename Element>
std::uint64_t lines_for(std::uint64_t elements) {
  constexpr std::uint64_t kPerLine = MESH_ACL_LINE_BYTES / sizeof(Element);
  return (elements + kPerLine - 1) / kPerLine;
}

std::vector<bool> used_services(const OpenRules& rules, const DestinationClasses& destinations) {
  std::vector<bool> is_used(rules.services.size());
  for (const auto& target : rules.targets) {
    if (destinations.shape_classes[target.shape].count == 0) continue;
    for (const auto service : of(rules.target_services, target.services)) is_used[service] = true;
  }
  return is_used;
}

class Compilation {
 public:
  Compilation(const AclInput& input, const ImageOptions& options)
      : input_(input), options_(options), rules_(open_rules(input)) {}

  Result<AclImage> run(RuleSlots& slots) {
    if (options_.max_lines > MESH_ACL_MAX_LINES) {
      return Error(ErrorCode::kInvalid,
                   "an image of more than " + std::to_string(MESH_ACL_MAX_LINES) + " lines");
    }
    RuleSlots next = slots;
    MESH_TRY_ASSIGN(slots_, next.assign(rule_ids()));
    slot_end_ = next.end();
    MESH_TRY(classify());
    MESH_TRY(place());
    write();
    slots = std::move(next);
    AclImage image{std::move(lines_), std::move(sources_), {}};
    for (const auto& range : places_.ranges) {
      if (range.address_class != MESH_ACL_NOBODY) image.routers.emplace_back(range.node);
    }
    std::sort(image.routers.begin(), image.routers.end());
    image.routers.erase(std::unique(image.routers.begin(), image.routers.end()),
                        image.routers.end());
    return image;
  }

 private:
  std::vector<RuleId> rule_ids() const {
    std::vector<RuleId> ids;
    ids.reserve(rules_.rules.size());
    for (const auto& open : rules_.rules) ids.push_back(open.id);
    return ids;
  }

  Status classify() {
    MESH_TRY_ASSIGN(destinations_, destination_classes(rules_, input_, budget_));
    MESH_TRY_ASSIGN(ports_, port_classes(rules_, used_services(rules_, destinations_), budget_));
    MESH_TRY_ASSIGN(sources_, SourceClasses::make(rules_, input_, places_, budget_));
    const std::uint64_t words = std::uint64_t{options_.max_lines} * MESH_ACL_LINE_WORDS;
    MESH_TRY_ASSIGN(rows_, make_rows({rules_, sources_, destinations_, ports_, words}, budget_));
    MESH_TRY_ASSIGN(tables_, lay_out(places_.addresses, options_.seed, options_.max_lines));
    return {};
  }

  // Gives every part its lines; rows come last, into what is left.
  Status place() {
    std::uint64_t line = MESH_ACL_FIXED_LINES;
    const auto take = [&line](std::uint64_t lines) {
      return static_cast<__u32>(std::exchange(line, line + lines));
    };
    take(tables_.v4.size());
    header_.buckets_v6 = take(tables_.v6.size());
    header_.protocols = take(lines_for<__u16>(ports_.protocols.size()));
    header_.sources = take(lines_for<mesh_acl_range>(places_.ranges.size()));
    header_.destinations = take(lines_for<mesh_acl_range>(destinations_.ranges.size()));
    for (std::size_t i = 0; i < ports_.ports.size(); ++i) {
      if (!ports_.ports[i].empty()) header_.ports[i] = take(lines_for<__u16>(65536));
    }
    extent_.rules = take(lines_for<mesh_acl_rule>(slot_end_));
    header_.cells = take(lines_for<mesh_acl_cell>(rows_.cells.size()));
    header_.rows = static_cast<__u32>(line);
    std::optional<RowPlaces> rows;
    if (line < options_.max_lines) {
      rows = place_rows(rows_, slots_, ports_.count,
                        (options_.max_lines - line) * MESH_ACL_LINE_WORDS);
    }
    if (!rows) return too_large(line);
    row_places_ = *std::move(rows);
    extent_.lines = static_cast<__u32>(line + lines_for<__u32>(row_places_.words));
    return {};
  }

  Error too_large(std::uint64_t lines) const {
    return {ErrorCode::kExhausted,
            "the policy is too large for this node: " + std::to_string(sources_.count()) +
                " classes of sources, " + std::to_string(destinations_.count) +
                " of destinations, " + std::to_string(ports_.count) + " of ports and " +
                std::to_string(rows_.lists.size()) + " rows do not fit in " +
                std::to_string(options_.max_lines) + " lines, of which " + std::to_string(lines) +
                " are taken besides the rows. Let more rules have the same sources (a group or "
                "tag instead of single nodes) or open the same ports"};
  }

  void write() {
    lines_.resize(extent_.lines);
    write_header();
    put(1, &destinations_.own, 1);
    write_extent();
    put(MESH_ACL_FIXED_LINES, tables_.v4.data(), tables_.v4.size());
    put(header_.buckets_v6, tables_.v6.data(), tables_.v6.size());
    put(header_.protocols, ports_.protocols.data(), ports_.protocols.size());
    put(header_.sources, places_.ranges.data(), places_.ranges.size());
    put(header_.destinations, destinations_.ranges.data(), destinations_.ranges.size());
    for (std::size_t i = 0; i < ports_.ports.size(); ++i) {
      put(header_.ports[i], ports_.ports[i].data(), ports_.ports[i].size());
    }
    write_rules();
    write_cells();
    write_rows(rows_, row_places_, slots_, std::span(lines_).subspan(header_.rows));
  }

  void write_header() {
    header_.format = MESH_ABI_VERSION;
    header_.generation = options_.generation;
    header_.seed = tables_.seed;
    header_.bits_v4 = static_cast<__u8>(std::countr_zero(tables_.v4.size()));
    header_.bits_v6 = static_cast<__u8>(std::countr_zero(tables_.v6.size()));
    header_.source_count = static_cast<__u32>(places_.ranges.size());
    header_.destination_count = static_cast<__u32>(destinations_.ranges.size());
    header_.destination_classes = destinations_.count;
    put(0, &header_, 1);
  }

  void write_extent() {
    extent_.rule_count = slot_end_;
    extent_.source_classes = sources_.count();
    extent_.port_classes = ports_.count;
    extent_.row_words = static_cast<__u32>(row_places_.words);
    extent_.revision = static_cast<__u32>(options_.version.revision.value());
    extent_.epoch = static_cast<__u32>(options_.version.epoch.value());
    put(2, &extent_, 1);
  }

  void write_cells() {
    if (rows_.cells.empty()) return;
    auto* const cells = reinterpret_cast<mesh_acl_cell*>(&lines_[header_.cells]);
    for (std::size_t i = 0; i < rows_.cells.size(); ++i)
      cells[i] = row_places_.cells[rows_.cells[i]];
  }

  void write_rules() {
    std::vector<mesh_acl_rule> table(slot_end_);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const OpenRule& rule = rules_.rules[i];
      table[slots_[i]] = {rule.id.value(), rule.line, rule.policy_revision, 0};
    }
    put(extent_.rules, table.data(), table.size());
  }

  template <typename Element>
  void put(std::uint64_t line, const Element* elements, std::size_t count) {
    if (count != 0) std::memcpy(&lines_[line], elements, count * sizeof(Element));
  }

  const AclInput& input_;
  const ImageOptions& options_;
  WorkBudget budget_;
  OpenRules rules_;
  std::vector<std::uint32_t> slots_;  // by rule
  std::uint32_t slot_end_ = 0;
  DestinationClasses destinations_;
  PortClasses ports_;
  SourcePlaces places_;
  SourceClasses sources_;
  Rows rows_;
  AddressTables tables_;
  RowPlaces row_places_;
  mesh_acl_header header_{};
  mesh_acl_extent extent_{};
  std::vector<mesh_acl_line> lines_;
};

}  // namespace

Result<AclImage> compile_acl(const AclInput& input, RuleSlots& slots, const ImageOptions& options) {
  return Compilation(input, options).run(slots);
}

}  // namespace kernmesh::maplayout
