// SPDX-License-Identifier: Apache-2.0
// What a commit takes away (L2, plain values).
#pragma once

#include <variant>

#include "controller/base/ids.h"
#include "controller/core/netmap/relay.h"
#include "controller/store/lock_record.h"

namespace kernmesh::store {

// A record to remove, if it is still as of `written`.
template <typename Id>
struct Removal {
  Id id;
  Revision written;
};
using AnyRemoval = std::variant<Removal<UserId>, Removal<NodeId>, Removal<JoinKeyId>,
                                Removal<netmap::RelayId>, Removal<TokenId>, Removal<LockDigest>>;

}  // namespace kernmesh::store
