// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/address_segments.h"

#include <algorithm>

namespace kernmesh::maplayout {
namespace {

// Stands where IPv4 begins: what is said of IPv6 ends there.
constexpr std::uint32_t kBarrier = 0xfffffffe;

AddressNumber low_ones(int bits) {
  return bits >= 128 ? kLastNumber : (AddressNumber{1} << bits) - 1;
}

// Outer prefixes before inner ones, the barrier before all of IPv4.
bool comes_before(const PrefixClaim& a, const PrefixClaim& b) {
  if (a.first != b.first) return a.first < b.first;
  if (a.last != b.last) return a.last > b.last;
  if ((a.value == kBarrier) != (b.value == kBarrier)) return a.value == kBarrier;
  return a.value < b.value;
}

void append(Segments& segments, AddressNumber first, std::uint32_t value) {
  if (segments.back().first == first) {
    segments.back().value = value;
    return;
  }
  if (segments.back().value != value) segments.push_back({first, value});
}

struct OpenPrefix {
  AddressNumber last;
  std::uint32_t state;
};

void close_before(std::vector<OpenPrefix>& open, AddressNumber first, Segments& segments) {
  while (open.back().last < first) {
    const AddressNumber end = open.back().last + 1;
    open.pop_back();
    append(segments, end, open.back().state);
  }
}

// Prefixes lie within each other or apart, so those around an address are a stack.
// enter(state of the prefix around, claims of one prefix) gives the state within.
template <typename Enter>
Segments walked(std::vector<PrefixClaim> claims, std::uint32_t outside, Enter enter) {
  claims.push_back({kV4First, kV4Last, kBarrier});
  std::sort(claims.begin(), claims.end(), comes_before);
  Segments segments;
  segments.reserve(claims.size() * 2 + 1);
  segments.push_back({0, outside});
  std::vector<OpenPrefix> open = {{kLastNumber, outside}};
  for (std::size_t i = 0; i < claims.size();) {
    const PrefixClaim& claim = claims[i];
    std::size_t end = i + 1;
    close_before(open, claim.first, segments);
    std::uint32_t state = outside;
    if (claim.value != kBarrier) {
      while (end < claims.size() && claims[end].first == claim.first &&
             claims[end].last == claim.last) {
        ++end;
      }
      state = enter(open.back().state, std::span(claims).subspan(i, end - i));
    }
    open.push_back({claim.last, state});
    append(segments, claim.first, state);
    i = end;
  }
  while (open.back().last != kLastNumber) {
    const AddressNumber end = open.back().last + 1;
    open.pop_back();
    append(segments, end, open.back().state);
  }
  return segments;
}

}  // namespace

std::optional<PrefixClaim> claim_of(const Prefix& prefix, std::uint32_t value) {
  const AddressNumber first = to_number(prefix.address());
  const AddressNumber last = first | low_ones(prefix.address().bits() - prefix.length());
  if (!prefix.address().is_v4() && first >= kV4First && last <= kV4Last) return std::nullopt;
  return PrefixClaim{first, last, value};
}

Segments innermost(std::vector<PrefixClaim> claims) {
  return walked(std::move(claims), kUnclaimed,
                [](std::uint32_t, std::span<const PrefixClaim> same) { return same[0].value; });
}

std::optional<Segments> labelled(std::vector<PrefixClaim> claims, ListInterner& signatures,
                                 WorkBudget& budget) {
  bool is_bounded = true;
  std::vector<std::uint32_t> list;
  std::vector<std::uint32_t> labels;
  auto segments =
      walked(std::move(claims), 0, [&](std::uint32_t around, std::span<const PrefixClaim> same) {
        const auto outer = signatures.list(around);
        is_bounded = is_bounded && budget.spend(outer.size() + same.size()) &&
                     signatures.words() + outer.size() + same.size() < WorkBudget::kSignatureWords;
        if (!is_bounded) return around;
        labels.clear();
        for (const PrefixClaim& claim : same) labels.push_back(claim.value);
        list.clear();
        std::set_union(outer.begin(), outer.end(), labels.begin(), labels.end(),
                       std::back_inserter(list));
        list.erase(std::unique(list.begin(), list.end()), list.end());
        return signatures.intern(list);
      });
  if (!is_bounded) return std::nullopt;
  return segments;
}

std::uint32_t value_at(const Segments& segments, AddressNumber number) {
  const auto after = std::upper_bound(
      segments.begin(), segments.end(), number,
      [](AddressNumber wanted, const Segment& segment) { return wanted < segment.first; });
  return (after - 1)->value;
}

}  // namespace kernmesh::maplayout
