// SPDX-License-Identifier: Apache-2.0
// Identifiers as types of their own (L0), so that a port cannot be passed for an interface index.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace kernmesh {

// A number with a meaning. Tag is an empty struct that only names the meaning.
template <typename Tag, typename Rep>
class StrongId {
 public:
  using rep = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Rep value_ = 0;
};

template <typename Tag, typename Rep>
std::string to_string(StrongId<Tag, Rep> id) {
  return std::to_string(id.value());
}

using NodeId = StrongId<struct NodeIdTag, std::uint64_t>;        // 0 names no node
using UserId = StrongId<struct UserIdTag, std::uint64_t>;        // 0 names no user
using JoinKeyId = StrongId<struct JoinKeyIdTag, std::uint64_t>;  // 0 names no key
using TokenId = StrongId<struct TokenIdTag, std::uint64_t>;      // 0 names no API token
using AuditId = StrongId<struct AuditIdTag, std::uint64_t>;      // counts events up from 1
using RuleId = StrongId<struct RuleIdTag, std::uint32_t>;        // 0 is the default-deny rule
using Port = StrongId<struct PortTag, std::uint16_t>;            // host byte order
using IfIndex = StrongId<struct IfIndexTag, std::uint32_t>;      // 0 names no interface
using Epoch = StrongId<struct EpochTag, std::uint64_t>;
using Revision = StrongId<struct RevisionTag, std::uint64_t>;
// Counts a network's policies from 1; 0: none.
using PolicyRevision = StrongId<struct PolicyRevisionTag, std::uint32_t>;

// Which state of the network a netmap describes. Revisions never go back inside an epoch; a restore
// of a backup raises the epoch. Ordered: (epoch, revision).
struct MapVersion {
  Epoch epoch;
  Revision revision;
  constexpr auto operator<=>(const MapVersion&) const = default;
};

}  // namespace kernmesh

template <typename Tag, typename Rep>
struct std::hash<kernmesh::StrongId<Tag, Rep>> {
  std::size_t operator()(kernmesh::StrongId<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
