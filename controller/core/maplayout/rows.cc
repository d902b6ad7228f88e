// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/rows.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "bpf/abi/acl.h"

namespace kernmesh::maplayout {
namespace {

// A set's row, or part of one, for a destination class.
struct Share {
  std::uint32_t destination_class;
  ListInterner::Id row;
  auto operator<=>(const Share&) const = default;
};

// What a rule of a set opens at a destination class.
struct Opening {
  std::uint32_t destination_class;
  std::uint32_t rule;
  std::uint32_t service;
};

// Collects a row: of the rules at one port class the lowest.
class RowDraft {
 public:
  explicit RowDraft(std::uint32_t port_classes) : rules_(port_classes, kNone) {}

  void add(std::uint32_t port_class, std::uint32_t rule) {
    if (rules_[port_class] == kNone) touched_.push_back(port_class);
    rules_[port_class] = std::min(rules_[port_class], rule);
  }

  std::vector<std::uint32_t>& finish() {
    put_in_order();
    list_.clear();
    for (const auto port_class : touched_) {
      list_.push_back(port_class);
      list_.push_back(std::exchange(rules_[port_class], kNone));
    }
    touched_.clear();
    return list_;
  }

 private:
  // Sorting costs about ten times as much an element as looking at all classes in turn.
  void put_in_order() {
    if (std::is_sorted(touched_.begin(), touched_.end())) return;
    if (touched_.size() * 10 < rules_.size()) {
      std::sort(touched_.begin(), touched_.end());
      return;
    }
    touched_.clear();
    for (std::uint32_t port_class = 0; port_class < rules_.size(); ++port_class) {
      if (rules_[port_class] != kNone) touched_.push_back(port_class);
    }
  }

  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> rules_;  // by port class
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> list_;
};

class RowMaker {
 public:
  RowMaker(const RowInput& input, WorkBudget& budget)
      : in_(input), budget_(budget), draft_(input.ports.count) {}

  Result<Rows> run() {
    const std::uint64_t cells = std::uint64_t{in_.sources.count()} * in_.destinations.count;
    constexpr std::uint64_t kCellWords = sizeof(mesh_acl_cell) / sizeof(__u32);
    if (cells > in_.max_words / kCellWords || !budget_.spend(cells)) {
      return too_large("their product");
    }
    rows_.cells.assign(cells, 0);
    service_seen_.assign(in_.rules.services.size(), 0);
    set_shares_.resize(in_.rules.sets.size());
    kept_shares_.reserve(in_.rules.sets.size());
    for (std::uint32_t set = 0; set < in_.rules.sets.size(); ++set) {
      if (!share_out(set)) return too_large("the rows of the rules' sources");
    }
    for (std::uint32_t source = 0; source < in_.sources.count(); ++source) {
      if (!fill_cells(source)) return too_large("the rows");
    }
    return std::move(rows_);
  }

 private:
  Error too_large(const std::string& what) const {
    return {ErrorCode::kExhausted,
            "the policy is too large for this node: " + std::to_string(in_.sources.count()) +
                " classes of sources, " + std::to_string(in_.destinations.count) +
                " of destinations, " + std::to_string(in_.ports.count) + " of ports and " +
                std::to_string(rows_.lists.size()) + " rows so far; " + what +
                " pass what an image holds. Let more rules have the same sources (a group or tag "
                "instead of single nodes) or open the same ports"};
  }

  // A row takes at least so many words in an image; one of a single pair stands in its cell.
  std::uint64_t least_words(std::size_t list_words) const {
    return list_words <= 2 ? 0 : std::min<std::uint64_t>(list_words + 2, in_.ports.count);
  }

  // The rows that the set's rules alone make. Rules come in order, so the first to open a service
  // is the one that counts.
  bool share_out(std::uint32_t set) {
    if (!list_openings(set)) return false;
    set_shares_[set].first = static_cast<std::uint32_t>(kept_shares_.size());
    for (std::size_t i = 0; i < openings_.size();) {
      const auto destination = openings_[i].destination_class;
      ++round_;
      for (; i < openings_.size() && openings_[i].destination_class == destination; ++i) {
        const Opening& opening = openings_[i];
        if (std::exchange(service_seen_[opening.service], round_) == round_) continue;
        const auto classes = of(in_.ports.classes, in_.ports.service_classes[opening.service]);
        if (!budget_.spend(classes.size())) return false;
        for (const auto port_class : classes) draft_.add(port_class, opening.rule);
      }
      const auto row = keep(draft_.finish());
      if (!row) return false;
      if (*row == 0) continue;
      if (kept_shares_.size() >= in_.max_words) return false;
      kept_shares_.push_back({destination, *row});
      ++set_shares_[set].count;
    }
    return true;
  }

  bool list_openings(std::uint32_t set) {
    openings_.clear();
    for (const auto place : of(in_.rules.rules_by_set, in_.rules.set_rules[set])) {
      for (const auto& target : of(in_.rules.targets, in_.rules.rules[place].targets)) {
        const auto classes =
            of(in_.destinations.classes, in_.destinations.shape_classes[target.shape]);
        const auto services = of(in_.rules.target_services, target.services);
        if (!budget_.spend(classes.size() * services.size() + 1)) return false;
        if (openings_.size() + classes.size() * services.size() > in_.max_words / 2) return false;
        for (const auto destination : classes) {
          for (const auto service : services) openings_.push_back({destination, place, service});
        }
      }
    }
    const auto before = [](const Opening& a, const Opening& b) {
      return a.destination_class < b.destination_class;
    };
    if (!std::is_sorted(openings_.begin(), openings_.end(), before)) {
      std::stable_sort(openings_.begin(), openings_.end(), before);
    }
    return true;
  }

  bool fill_cells(std::uint32_t source) {
    const auto sets = in_.sources.sets_of(source);
    ListInterner::Id* const cells =
        rows_.cells.data() + std::size_t{source} * in_.destinations.count;
    if (sets.size() == 1) {
      const auto shares = of(kept_shares_, set_shares_[sets[0]]);
      for (const auto& share : shares) cells[share.destination_class] = share.row;
      return budget_.spend(shares.size());
    }
    shares_.clear();
    for (const auto set : sets) {
      const auto more = of(kept_shares_, set_shares_[set]);
      if (!budget_.spend(more.size() + 1)) return false;
      shares_.insert(shares_.end(), more.begin(), more.end());
    }
    std::sort(shares_.begin(), shares_.end());
    shares_.erase(std::unique(shares_.begin(), shares_.end()), shares_.end());
    for (std::size_t i = 0; i < shares_.size();) {
      const auto destination = shares_[i].destination_class;
      parts_.clear();
      for (; i < shares_.size() && shares_[i].destination_class == destination; ++i) {
        parts_.push_back(shares_[i].row);
      }
      const auto row = merged();
      if (!row) return false;
      cells[destination] = *row;
    }
    return true;
  }

  // The row of all of `parts_`. Many cells ask for the same ones.
  std::optional<ListInterner::Id> merged() {
    if (parts_.size() == 1) return parts_[0];
    const auto question = questions_.intern(parts_);
    if (question <= answers_.size()) return answers_[question - 1];
    for (const auto part : parts_) {
      const auto list = rows_.lists.list(part);
      if (!budget_.spend(list.size())) return std::nullopt;
      for (std::size_t i = 0; i < list.size(); i += 2) draft_.add(list[i], list[i + 1]);
    }
    const auto rows_before = rows_.lists.size();
    const auto row = keep(draft_.finish());
    if (!row || questions_.words() > in_.max_words) return std::nullopt;
    // Unlike a set's rows, this one is in the image for certain.
    if (rows_.lists.size() != rows_before) words_ += least_words(rows_.lists.list(*row).size());
    if (words_ > in_.max_words) return std::nullopt;
    answers_.push_back(*row);
    return row;
  }

  std::optional<ListInterner::Id> keep(const std::vector<std::uint32_t>& list) {
    const auto row = rows_.lists.intern(list);
    // Rows of sets need not be in the image: as much again is granted for them.
    if (rows_.lists.words() > 2 * in_.max_words) return std::nullopt;
    return row;
  }

  const RowInput& in_;
  WorkBudget& budget_;
  RowDraft draft_;
  Rows rows_;
  std::uint64_t words_ = 0;
  std::vector<Stretch> set_shares_;  // by set: in kept_shares_, ascending by destination class
  std::vector<Share> kept_shares_;
  std::vector<Opening> openings_;
  std::vector<std::uint32_t> service_seen_;  // the last round that saw the service
  std::uint32_t round_ = 0;
  std::vector<Share> shares_;
  std::vector<std::uint32_t> parts_;
  ListInterner questions_;  // lists of rows
  std::vector<ListInterner::Id> answers_;
};

}  // namespace

Result<Rows> make_rows(const RowInput& input, WorkBudget& budget) {
  return RowMaker(input, budget).run();
}

}  // namespace kernmesh::maplayout
