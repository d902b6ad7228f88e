// SPDX-License-Identifier: Apache-2.0
// Where rows stand in an image and in which form (L1, pure): one of a single pair in its cell;
// others dense while there is room, since a dense one is read in one access; then those with the
// fewest pairs sparse.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bpf/abi/acl.h"
#include "controller/core/maplayout/rows.h"

namespace kernmesh::maplayout {

struct RowPlaces {
  std::vector<mesh_acl_cell> cells;      // by list: what a cell that names it holds
  std::vector<ListInterner::Id> sparse;  // in their order, before the dense ones
  std::vector<ListInterner::Id> dense;
  std::uint64_t words = 0;  // of all rows, the unused first ones included
};

// `slots` are those of the rules in a row's list. Nothing when the rows do not fit in max_words.
std::optional<RowPlaces> place_rows(const Rows& rows, std::span<const std::uint32_t> slots,
                                    std::uint32_t port_classes, std::uint64_t max_words);

// Into the lines from that of word 0 on.
void write_rows(const Rows& rows, const RowPlaces& places, std::span<const std::uint32_t> slots,
                std::span<mesh_acl_line> lines);

}  // namespace kernmesh::maplayout
