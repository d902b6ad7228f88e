// SPDX-License-Identifier: Apache-2.0
// A set of nodes by their dense index: one bit each, so that the union of two sets of 10,000 nodes
// touches 1,250 bytes (L1, pure).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kernmesh::policy {

using NodeIndex = std::uint32_t;

class NodeSet {
 public:
  bool contains(NodeIndex node) const {
    return node / 64 < words_.size() && (words_[node / 64] >> (node % 64) & 1) != 0;
  }
  // True when that changed the set.
  bool assign(NodeIndex node, bool member) {
    if (contains(node) == member) return false;
    if (node / 64 >= words_.size()) words_.resize(node / 64 + 1);
    words_[node / 64] ^= std::uint64_t{1} << (node % 64);
    return true;
  }
  void insert(NodeIndex node) { assign(node, true); }
  bool empty() const {
    for (const auto word : words_) {
      if (word != 0) return false;
    }
    return true;
  }
  std::size_t size() const {
    std::size_t count = 0;
    for (const auto word : words_) count += static_cast<std::size_t>(std::popcount(word));
    return count;
  }
  NodeSet& operator|=(const NodeSet& other) {
    if (words_.size() < other.words_.size()) words_.resize(other.words_.size());
    for (std::size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
  }
  bool intersects(const NodeSet& other) const {
    for (std::size_t i = 0; i < words_.size() && i < other.words_.size(); ++i) {
      if ((words_[i] & other.words_[i]) != 0) return true;
    }
    return false;
  }
  // In ascending order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(static_cast<NodeIndex>(i * 64 + static_cast<std::size_t>(std::countr_zero(word))));
      }
    }
  }
  template <typename Question>
  bool any_of(Question question) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        if (question(static_cast<NodeIndex>(i * 64 +
                                            static_cast<std::size_t>(std::countr_zero(word))))) {
          return true;
        }
      }
    }
    return false;
  }
  // Trailing empty words do not count.
  bool operator==(const NodeSet& other) const {
    const auto& longer = words_.size() < other.words_.size() ? other.words_ : words_;
    for (std::size_t i = 0; i < longer.size(); ++i) {
      const std::uint64_t a = i < words_.size() ? words_[i] : 0;
      const std::uint64_t b = i < other.words_.size() ? other.words_[i] : 0;
      if (a != b) return false;
    }
    return true;
  }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace kernmesh::policy
