// SPDX-License-Identifier: Apache-2.0
// Source classes (L1, pure): addresses that are in the same sets of the rules.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bpf/abi/acl.h"
#include "controller/core/maplayout/address_segments.h"
#include "controller/core/maplayout/list_interner.h"
#include "controller/core/maplayout/open_rules.h"
#include "controller/core/maplayout/work_budget.h"

namespace kernmesh::maplayout {

// A peer's own address.
struct SourceAddress {
  mesh_addr address;
  NodeId node;
  std::uint32_t source_class = 0;
};

// Where sources are: single addresses, which are asked first, and what peers route.
struct SourcePlaces {
  std::vector<SourceAddress> addresses;  // none twice, none of this node's own
  std::vector<mesh_acl_range> ranges;
};

class SourceClasses {
 public:
  // Fills `places`. kExhausted when the sets overlap in more ways than WorkBudget allows or there
  // are more than MESH_ACL_MAX_RANGES ranges.
  static Result<SourceClasses> make(const OpenRules& rules, const AclInput& input,
                                    SourcePlaces& places, WorkBudget& budget);

  // With class 0, which is in no set.
  std::uint32_t count() const { return static_cast<std::uint32_t>(signatures_.size()); }
  // Ascending, by their places in OpenRules::sets.
  std::span<const std::uint32_t> sets_of(std::uint32_t source_class) const {
    return lists_.list(signatures_[source_class]);
  }

  // Of an address of a node that is now a member of the sets of these places (ascending). Nothing
  // when no address had that signature.
  std::optional<std::uint32_t> class_of(std::span<const std::uint32_t> member_of,
                                        const IpAddress& address) const;
  const std::vector<policy::SetId>& sets() const { return sets_; }

 private:
  friend class SourceReader;
  std::uint32_t class_of_list(ListInterner::Id list);

  ListInterner lists_;                        // of sets
  std::vector<ListInterner::Id> signatures_;  // by class
  std::vector<std::uint32_t> classes_;        // by list; kUnclaimed: no class
  Segments prefixes_;                         // lists of the sets with prefixes there
  std::vector<policy::SetId> sets_;
};

}  // namespace kernmesh::maplayout
