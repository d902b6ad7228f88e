// SPDX-License-Identifier: Apache-2.0
// Numbers for lists of numbers, the same list having the same number (L1, pure): how addresses,
// ports and rows of one meaning come to one class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace kernmesh::maplayout {

// A list is kept whole and compared whole, so no two lists share a number by accident.
class ListInterner {
 public:
  using Id = std::uint32_t;  // counts from 0, which is the empty list

  ListInterner();

  Id intern(std::span<const std::uint32_t> list);
  std::optional<Id> find(std::span<const std::uint32_t> list) const;
  // Borrowed until the next intern().
  std::span<const std::uint32_t> list(Id id) const {
    return {words_.data() + starts_[id], starts_[id + 1] - starts_[id]};
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(hashes_.size()); }
  std::size_t words() const { return words_.size(); }
  void reserve(std::size_t lists);

 private:
  // The place in `places_` of the list, or the free one where it belongs.
  std::size_t place_of(std::span<const std::uint32_t> list, std::uint32_t hash) const;
  void grow(std::size_t places);

  std::vector<std::uint32_t> words_;   // of all lists, one after the other
  std::vector<std::size_t> starts_;    // by id, and the end
  std::vector<std::uint32_t> hashes_;  // by id
  std::vector<std::uint32_t> places_;  // id + 1, 0: free; a power of two of them
};

}  // namespace kernmesh::maplayout
