// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/address_set.h"

#include <algorithm>
#include <queue>

namespace kernmesh::policy {
namespace {

using Number = AddressSet::Number;
using Range = AddressSet::Range;

Number number_of(const IpAddress& address) {
  Number value = 0;
  for (int i = 0; i < address.bits() / 8; ++i) {
    value = value << 8 | address.bytes()[static_cast<std::size_t>(i)];
  }
  return value;
}

IpAddress address_of(Number value, IpFamily family) {
  if (family == IpFamily::kV4) return IpAddress::from_v4_number(static_cast<std::uint32_t>(value));
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 16; i-- > 0; value >>= 8) bytes[i] = static_cast<std::uint8_t>(value);
  return IpAddress::from_v6_bytes(bytes);
}

// All ones in the lowest `bits`.
Number low_mask(int bits) { return bits >= 128 ? ~Number{0} : (Number{1} << bits) - 1; }

Range range_of(const Prefix& prefix) {
  const Number first = number_of(prefix.address());
  return {first, first | low_mask(prefix.address().bits() - prefix.length())};
}

// Sorted by first; joins what overlaps or touches.
std::vector<Range> normalised(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> joined;
  for (const auto& range : ranges) {
    // The greatest number has no successor: what starts at or below `last` is tested first.
    if (!joined.empty() &&
        (range.first <= joined.back().last || range.first - 1 == joined.back().last)) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

// Both sorted and disjoint.
std::vector<Range> cut_out(const std::vector<Range>& from, const std::vector<Range>& taken) {
  std::vector<Range> left;
  std::size_t cursor = 0;
  for (Range range : from) {
    while (cursor < taken.size() && taken[cursor].last < range.first) ++cursor;
    bool gone = false;
    for (std::size_t i = cursor; i < taken.size() && taken[i].first <= range.last; ++i) {
      if (taken[i].first > range.first) left.push_back({range.first, taken[i].first - 1});
      if (taken[i].last >= range.last) {
        gone = true;
        break;
      }
      range.first = taken[i].last + 1;
    }
    if (!gone) left.push_back(range);
  }
  return left;
}

void append_prefixes(std::vector<Prefix>& out, Range range, IpFamily family) {
  const int bits = family == IpFamily::kV4 ? 32 : 128;
  for (;;) {
    int host_bits = 0;  // of the largest block that starts at first and ends within
    while (host_bits < bits && (range.first & low_mask(host_bits + 1)) == 0 &&
           (range.first | low_mask(host_bits + 1)) <= range.last) {
      ++host_bits;
    }
    out.push_back(*Prefix::make(address_of(range.first, family), bits - host_bits));
    const Number end = range.first | low_mask(host_bits);
    if (end >= range.last) return;
    range.first = end + 1;
  }
}

// A range of a layer; later layers have the greater priority.
struct Stratum {
  Range range;
  std::size_t priority;
  Layering operation;
};

// Sweeps over the starts and ends of all strata, the one on top decides in between.
std::vector<Range> swept(std::vector<Stratum> strata) {
  std::sort(strata.begin(), strata.end(),
            [](const Stratum& a, const Stratum& b) { return a.range.first < b.range.first; });
  const auto lower = [](const Stratum& a, const Stratum& b) { return a.priority < b.priority; };
  std::priority_queue<Stratum, std::vector<Stratum>, decltype(lower)> open(lower);
  std::vector<Range> result;
  std::size_t next = 0;
  Number at = 0;  // everything below is decided
  while (next < strata.size() || !open.empty()) {
    if (open.empty()) at = strata[next].range.first;
    while (next < strata.size() && strata[next].range.first <= at) open.push(strata[next++]);
    // The top holds until it ends or a stratum above it starts; any start is looked at.
    const Stratum top = open.top();
    if (top.range.last < at) {
      open.pop();
      continue;
    }
    Number last = top.range.last;
    if (next < strata.size() && strata[next].range.first <= last) {
      last = strata[next].range.first - 1;
    }
    if (top.operation == Layering::kAdd) result.push_back({at, last});
    if (last == ~Number{0}) break;
    at = last + 1;
  }
  return result;
}

}  // namespace

AddressSet AddressSet::layered(const std::vector<Layer>& layers) {
  AddressSet result;
  for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
    std::vector<Stratum> strata;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      for (const auto& range : layers[i].addresses->of(family)) {
        strata.push_back({range, i, layers[i].operation});
      }
    }
    result.of(family) = normalised(swept(std::move(strata)));
  }
  return result;
}

AddressSet::AddressSet(const std::vector<Prefix>& prefixes) {
  for (const auto& prefix : prefixes) {
    of(prefix.address().family()).push_back(range_of(prefix));
  }
  v4_ = normalised(std::move(v4_));
  v6_ = normalised(std::move(v6_));
}

// In place: a network's nodes come and go one at a time.
void AddressSet::add(const Prefix& prefix) {
  auto& ranges = of(prefix.address().family());
  Range added = range_of(prefix);
  const Number below = added.first == 0 ? 0 : added.first - 1;
  const auto begin =
      std::lower_bound(ranges.begin(), ranges.end(), below,
                       [](const Range& range, Number value) { return range.last < value; });
  auto end = begin;
  // Past the last address there is nothing to touch.
  while (end != ranges.end() && (end->first <= added.last || end->first - 1 == added.last)) {
    added.first = std::min(added.first, end->first);
    added.last = std::max(added.last, end->last);
    ++end;
  }
  if (begin == end) {
    ranges.insert(begin, added);
    return;
  }
  *begin = added;
  ranges.erase(begin + 1, end);
}

void AddressSet::add(const AddressSet& other) {
  for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
    auto& ranges = of(family);
    ranges.insert(ranges.end(), other.of(family).begin(), other.of(family).end());
    ranges = normalised(std::move(ranges));
  }
}

void AddressSet::remove(const Prefix& prefix) {
  auto& ranges = of(prefix.address().family());
  const Range gone = range_of(prefix);
  const auto begin =
      std::lower_bound(ranges.begin(), ranges.end(), gone.first,
                       [](const Range& range, Number value) { return range.last < value; });
  auto end = begin;
  std::vector<Range> left;
  for (; end != ranges.end() && end->first <= gone.last; ++end) {
    if (end->first < gone.first) left.push_back({end->first, gone.first - 1});
    if (end->last > gone.last) left.push_back({gone.last + 1, end->last});
  }
  ranges.insert(ranges.erase(begin, end), left.begin(), left.end());
}

void AddressSet::remove(const AddressSet& other) {
  v4_ = cut_out(v4_, other.v4_);
  v6_ = cut_out(v6_, other.v6_);
}

bool AddressSet::contains(const IpAddress& address) const {
  return overlaps(Prefix::host(address));
}

bool AddressSet::overlaps(const Prefix& prefix) const {
  const auto& ranges = of(prefix.address().family());
  if (ranges.empty()) return false;
  const Range wanted = range_of(prefix);
  const auto found =
      std::lower_bound(ranges.begin(), ranges.end(), wanted.first,
                       [](const Range& range, Number value) { return range.last < value; });
  return found != ranges.end() && found->first <= wanted.last;
}

std::vector<Prefix> AddressSet::prefixes() const {
  std::vector<Prefix> result;
  for (const auto& range : v4_) append_prefixes(result, range, IpFamily::kV4);
  for (const auto& range : v6_) append_prefixes(result, range, IpFamily::kV6);
  return result;
}

}  // namespace kernmesh::policy
