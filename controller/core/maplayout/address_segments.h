// SPDX-License-Identifier: Apache-2.0
// The line of all addresses cut where prefixes begin and end (L1, pure): within a segment every
// address is in the same prefixes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/core/maplayout/address_number.h"
#include "controller/core/maplayout/list_interner.h"
#include "controller/core/maplayout/work_budget.h"

namespace kernmesh::maplayout {

// Reaches to the next one's `first`.
struct Segment {
  AddressNumber first;
  std::uint32_t value;
};
// Ascending; the first one starts at 0.
using Segments = std::vector<Segment>;

// Says `value` of the addresses from `first` to `last`.
struct PrefixClaim {
  AddressNumber first;
  AddressNumber last;
  std::uint32_t value;
};

inline constexpr std::uint32_t kUnclaimed = 0xffffffff;

// Nothing for a prefix of IPv6 among the places of IPv4, where no packet's address is.
std::optional<PrefixClaim> claim_of(const Prefix& prefix, std::uint32_t value);

// The value of the longest prefix, of equal ones the lowest value; kUnclaimed outside of all.
Segments innermost(std::vector<PrefixClaim> claims);

// The number in `signatures` of the ascending list of all values. Nothing when the lists together
// pass WorkBudget::kSignatureWords or the budget.
std::optional<Segments> labelled(std::vector<PrefixClaim> claims, ListInterner& signatures,
                                 WorkBudget& budget);

std::uint32_t value_at(const Segments& segments, AddressNumber number);

// Calls visit(first, value of a, of b, of c) for each stretch in which none of the three changes.
template <typename Visit>
void for_each_overlap(const Segments& a, const Segments& b, const Segments& c, Visit visit) {
  std::size_t i = 0, j = 0, k = 0;
  for (AddressNumber first = 0;;) {
    visit(first, a[i].value, b[j].value, c[k].value);
    const AddressNumber kNever = kLastNumber;
    const AddressNumber next_a = i + 1 < a.size() ? a[i + 1].first : kNever;
    const AddressNumber next_b = j + 1 < b.size() ? b[j + 1].first : kNever;
    const AddressNumber next_c = k + 1 < c.size() ? c[k + 1].first : kNever;
    first = std::min({next_a, next_b, next_c});
    const bool is_end = i + 1 >= a.size() && j + 1 >= b.size() && k + 1 >= c.size();
    if (is_end) return;
    if (i + 1 < a.size() && next_a == first) ++i;
    if (j + 1 < b.size() && next_b == first) ++j;
    if (k + 1 < c.size() && next_c == first) ++k;
  }
}

}  // namespace kernmesh::maplayout
