// SPDX-License-Identifier: Apache-2.0
// A set of addresses of both families as sorted ranges (L1, pure): what ipsets, "*" and
// autogroup:internet come to.
#pragma once

#include <vector>

#include "controller/base/ip.h"

namespace kernmesh::policy {

enum class Layering { kAdd, kRemove };

class AddressSet {
 public:
  struct Layer {
    Layering operation = Layering::kAdd;
    const AddressSet* addresses = nullptr;
  };
  // Layers in order: an address is in the result when the last layer that holds it adds it.
  // O(n log n) in all ranges together, however often the operations alternate.
  static AddressSet layered(const std::vector<Layer>& layers);

  AddressSet() = default;
  explicit AddressSet(const std::vector<Prefix>& prefixes);

  void add(const Prefix& prefix);
  void add(const AddressSet& other);
  void remove(const Prefix& prefix);
  void remove(const AddressSet& other);

  std::size_t range_count() const { return v4_.size() + v6_.size(); }
  bool empty() const { return v4_.empty() && v6_.empty(); }
  bool contains(const IpAddress& address) const;
  bool overlaps(const Prefix& prefix) const;
  // The fewest prefixes that are the same set, IPv4 first, ascending.
  std::vector<Prefix> prefixes() const;
  bool operator==(const AddressSet&) const = default;

  __extension__ using Number = unsigned __int128;
  // Inclusive, host byte order.
  struct Range {
    Number first;
    Number last;
    bool operator==(const Range&) const = default;
  };

 private:
  std::vector<Range>& of(IpFamily family) { return family == IpFamily::kV4 ? v4_ : v6_; }
  const std::vector<Range>& of(IpFamily family) const {
    return family == IpFamily::kV4 ? v4_ : v6_;
  }

  std::vector<Range> v4_;  // disjoint, not touching, ascending
  std::vector<Range> v6_;
};

}  // namespace kernmesh::policy
