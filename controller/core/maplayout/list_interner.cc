// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/list_interner.h"

#include <algorithm>

namespace kernmesh::maplayout {
namespace {

std::uint32_t hash_of(std::span<const std::uint32_t> list) {
  std::uint64_t hash = list.size();
  for (const auto word : list) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;  // 2^64 / golden ratio (Knuth, TAOCP 3, 6.4)
    hash ^= hash >> 32;
  }
  return static_cast<std::uint32_t>(hash);
}

}  // namespace

ListInterner::ListInterner() : starts_{0} {
  grow(16);
  intern({});
}

ListInterner::Id ListInterner::intern(std::span<const std::uint32_t> list) {
  const std::uint32_t hash = hash_of(list);
  const std::size_t place = place_of(list, hash);
  if (places_[place] != 0) return places_[place] - 1;
  const Id id = size();
  places_[place] = id + 1;
  hashes_.push_back(hash);
  words_.insert(words_.end(), list.begin(), list.end());
  starts_.push_back(words_.size());
  if (hashes_.size() * 2 > places_.size()) grow(places_.size() * 2);
  return id;
}

std::optional<ListInterner::Id> ListInterner::find(std::span<const std::uint32_t> list) const {
  const std::size_t place = place_of(list, hash_of(list));
  if (places_[place] == 0) return std::nullopt;
  return places_[place] - 1;
}

void ListInterner::reserve(std::size_t lists) {
  std::size_t places = places_.size();
  while (places < lists * 2) places *= 2;
  if (places != places_.size()) grow(places);
  hashes_.reserve(lists);
  starts_.reserve(lists + 1);
  words_.reserve(lists * 4);  // most lists are short
}

std::size_t ListInterner::place_of(std::span<const std::uint32_t> wanted,
                                   std::uint32_t hash) const {
  const std::size_t mask = places_.size() - 1;
  for (std::size_t place = hash & mask;; place = (place + 1) & mask) {
    if (places_[place] == 0) return place;
    const Id id = places_[place] - 1;
    if (hashes_[id] == hash && std::ranges::equal(list(id), wanted)) return place;
  }
}

void ListInterner::grow(std::size_t places) {
  places_.assign(places, 0);
  for (Id id = 0; id < size(); ++id) {
    std::size_t place = hashes_[id] & (places - 1);
    while (places_[place] != 0) place = (place + 1) & (places - 1);
    places_[place] = id + 1;
  }
}

}  // namespace kernmesh::maplayout
