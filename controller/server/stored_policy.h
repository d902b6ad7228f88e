// SPDX-License-Identifier: Apache-2.0
// The policy that a server starts with (L3): the stored one read again, or one stored for it.
#pragma once

#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/core/policy/network_policy.h"
#include "controller/store/store.h"

namespace kernmesh::server {

// In force for networks that were made before there were policies: it keeps what they had.
extern const std::string_view kEverybodyPolicy;

// The same policy under this revision, by which agents tell where a rule comes from.
policy::AcceptedPolicy numbered(const policy::AcceptedPolicy& policy, PolicyRevision revision);

// Reads a text that was accepted when it was stored. Its own tests and the network's domains are
// not asked again: users and nodes come and go, and a server must start. kInvalid with all findings
// when it does not parse.
Result<policy::AcceptedPolicy> read_policy(std::string_view text, PolicyRevision revision);

// What a new network is given.
store::PolicyRecord starter_policy(WallTime now);

// The newest policy of `contents`. When there is none, stores kEverybodyPolicy; when `replacement`
// is not empty, stores that text. Either is logged and audited, and `contents` is as if loaded
// after it. The error for a stored policy that does not parse names its revision and the way out.
Result<policy::AcceptedPolicy> open_policy(store::Store& store, store::Contents& contents,
                                           std::string_view replacement, WallTime now);

}  // namespace kernmesh::server
