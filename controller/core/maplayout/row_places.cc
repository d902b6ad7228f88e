// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/row_places.h"

#include <algorithm>
#include <utility>

namespace kernmesh::maplayout {
namespace {

// Word 0 would look like "denied"; word 1 is odd.
constexpr std::uint64_t kFirstWord = 2;

// A row of so few pairs costs the search of one line, where a dense one of more words than this
// costs memory: with 10,000 ports and rules of one each, sparse from the start is 1/2,500.
constexpr std::uint64_t kFewPairs = 4;
constexpr std::uint32_t kManyPortClasses = 64;

std::uint64_t pairs_of(const Rows& rows, ListInterner::Id list) {
  return rows.lists.list(list).size() / 2;
}

// Where a sparse row that comes next begins: one that fits in a line does not cross into another.
std::uint64_t sparse_start(std::uint64_t word, std::uint64_t pairs) {
  const std::uint64_t words = 2 + 2 * pairs;
  const std::uint64_t left = MESH_ACL_LINE_WORDS - word % MESH_ACL_LINE_WORDS;
  return words <= MESH_ACL_LINE_WORDS && words > left ? word + left : word;
}

std::vector<ListInterner::Id> used_lists(const Rows& rows) {
  std::vector<bool> is_used(rows.lists.size());
  for (const auto list : rows.cells) is_used[list] = true;
  std::vector<ListInterner::Id> used;
  for (ListInterner::Id list = 1; list < rows.lists.size(); ++list) {
    if (is_used[list]) used.push_back(list);
  }
  std::stable_sort(used.begin(), used.end(), [&](ListInterner::Id a, ListInterner::Id b) {
    return rows.lists.list(a).size() < rows.lists.list(b).size();
  });
  return used;
}

}  // namespace

std::optional<RowPlaces> place_rows(const Rows& rows, std::span<const std::uint32_t> slots,
                                    std::uint32_t port_classes, std::uint64_t max_words) {
  const auto used = used_lists(rows);
  RowPlaces places;
  places.cells.assign(rows.lists.size(), {});
  // Ascending by pairs, so what is made sparse next is what saves most.
  std::size_t single = 0;
  for (; single < used.size() && pairs_of(rows, used[single]) == 1; ++single) {
    const auto pair = rows.lists.list(used[single]);
    places.cells[used[single]] = {MESH_ACL_ROW_SINGLE | pair[0], slots[pair[1]]};
  }
  std::uint64_t word = kFirstWord;
  std::size_t sparse = single;
  for (; sparse < used.size(); ++sparse) {
    const std::uint64_t pairs = pairs_of(rows, used[sparse]);
    const bool is_short = pairs <= kFewPairs && port_classes > kManyPortClasses;
    const bool fits = word + (used.size() - sparse) * port_classes <= max_words;
    const bool saves = 2 + 2 * pairs < port_classes && pairs <= MESH_ACL_MAX_SPARSE;
    if (!is_short && (fits || !saves)) break;
    const std::uint64_t start = sparse_start(word, pairs);
    word = start + 2 + 2 * pairs;
    if (word > max_words) return std::nullopt;
    places.cells[used[sparse]] = {static_cast<__u32>(start) | MESH_ACL_ROW_SPARSE, 0};
  }
  if (word + (used.size() - sparse) * port_classes > max_words) return std::nullopt;
  const auto middle = used.begin() + static_cast<std::ptrdiff_t>(sparse);
  places.sparse.assign(used.begin() + static_cast<std::ptrdiff_t>(single), middle);
  places.dense.assign(middle, used.end());
  for (const auto list : places.dense) {
    places.cells[list] = {static_cast<__u32>(std::exchange(word, word + port_classes)), 0};
  }
  places.words = word;
  return places;
}

void write_rows(const Rows& rows, const RowPlaces& places, std::span<const std::uint32_t> slots,
                std::span<mesh_acl_line> lines) {
  const auto word = [&](std::uint64_t index) -> __u32& {
    return lines[index / MESH_ACL_LINE_WORDS].w[index % MESH_ACL_LINE_WORDS];
  };
  for (const auto id : places.sparse) {
    const auto list = rows.lists.list(id);
    const std::uint64_t start = places.cells[id].row & ~MESH_ACL_ROW_SPARSE;
    word(start) = static_cast<__u32>(list.size() / 2);
    for (std::size_t i = 0; i < list.size(); i += 2) {
      word(start + 2 + i) = list[i];
      word(start + 3 + i) = slots[list[i + 1]];
    }
  }
  for (const auto id : places.dense) {
    const auto list = rows.lists.list(id);
    for (std::size_t i = 0; i < list.size(); i += 2) {
      word(places.cells[id].row + list[i]) = slots[list[i + 1]];
    }
  }
}

}  // namespace kernmesh::maplayout
