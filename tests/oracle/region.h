// SPDX-License-Identifier: Apache-2.0
// Addresses as a list of things added and removed in order, asked by walking the list: the oracle's
// notion of a set.
#pragma once

#include <vector>

#include "controller/base/ip.h"

namespace kernmesh::policy {

enum class Coverage { kNone, kPartial, kWhole };

class Region {
 public:
  void add(const Prefix& prefix) { steps_.push_back({true, prefix, {}}); }
  void remove(const Prefix& prefix) { steps_.push_back({false, prefix, {}}); }
  void add(Region region) { steps_.push_back({true, {}, {std::move(region)}}); }
  void remove(Region region) { steps_.push_back({false, {}, {std::move(region)}}); }

  // How much of the prefix lies in the region.
  Coverage coverage(const Prefix& prefix) const;
  bool contains(const IpAddress& address) const {
    return coverage(Prefix::host(address)) == Coverage::kWhole;
  }
  bool overlaps(const Prefix& prefix) const { return coverage(prefix) != Coverage::kNone; }
  bool overlaps_any(const std::vector<Prefix>& prefixes) const;
  // The largest prefix around the address that lies in the region whole; the address is in it.
  Prefix largest_around(const IpAddress& address) const;

 private:
  struct Step {
    bool adds;
    Prefix prefix;
    std::vector<Region> region;  // one: it, instead of the prefix
  };
  static Coverage coverage(const Step& step, const Prefix& prefix);

  std::vector<Step> steps_;
};

}  // namespace kernmesh::policy
