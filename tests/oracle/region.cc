// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/region.h"

#include <algorithm>

namespace kernmesh::policy {
namespace {

Prefix half(const Prefix& prefix, bool upper) {
  auto bytes = prefix.address().bytes();
  const auto bit = static_cast<std::size_t>(prefix.length());
  if (upper) bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | 0x80u >> bit % 8);
  const auto address = prefix.address().is_v4()
                           ? IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]})
                           : IpAddress::from_v6_bytes(bytes);
  return *Prefix::make(address, prefix.length() + 1);
}

}  // namespace

Coverage Region::coverage(const Step& step, const Prefix& prefix) {
  if (!step.region.empty()) return step.region.front().coverage(prefix);
  if (!step.prefix.overlaps(prefix)) return Coverage::kNone;
  return step.prefix.length() <= prefix.length() ? Coverage::kWhole : Coverage::kPartial;
}

Coverage Region::coverage(const Prefix& prefix) const {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    const Coverage covered = coverage(*step, prefix);
    if (covered == Coverage::kNone) continue;
    if (covered == Coverage::kWhole) return step->adds ? Coverage::kWhole : Coverage::kNone;
    const Coverage lower = coverage(half(prefix, false));
    if (lower == Coverage::kPartial) return lower;
    const Coverage upper = coverage(half(prefix, true));
    return lower == upper ? lower : Coverage::kPartial;
  }
  return Coverage::kNone;
}

bool Region::overlaps_any(const std::vector<Prefix>& prefixes) const {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const Prefix& prefix) { return overlaps(prefix); });
}

Prefix Region::largest_around(const IpAddress& address) const {
  int length = address.bits();
  while (length > 0 && coverage(*Prefix::make(address, length - 1)) == Coverage::kWhole) {
    --length;
  }
  return *Prefix::make(address, length);
}

}  // namespace kernmesh::policy
