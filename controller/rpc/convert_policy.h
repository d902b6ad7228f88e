// SPDX-License-Identifier: Apache-2.0
// A slice of the policy as messages and back (L2, pure), checked as convert.h says.
#pragma once

#include "controller/base/result.h"
#include "controller/core/netmap/netmap.h"
#include "mesh/v1/types.pb.h"

namespace kernmesh::rpc {

// Bounds on what one message may hold, as in convert.h.
inline constexpr std::size_t kMaxRules = 100'000;
inline constexpr std::size_t kMaxSets = 100'000;
inline constexpr std::size_t kMaxSetMembers = 100'000;
inline constexpr std::size_t kMaxRuleParts = 100'000;        // of each kind, in one rule
inline constexpr std::size_t kMaxCapabilityBytes = 1 << 20;  // of one capability's values

mesh::v1::Rule to_proto(const netmap::Rule& rule);
mesh::v1::SourceSet to_proto(const netmap::SourceSet& set);
mesh::v1::SetChange to_proto(const netmap::SetChange& change);

Result<netmap::Rule> from_proto(const mesh::v1::Rule& message);
// Members come sorted, each once.
Result<netmap::SourceSet> from_proto(const mesh::v1::SourceSet& message);
Result<netmap::SetChange> from_proto(const mesh::v1::SetChange& message);

}  // namespace kernmesh::rpc
