// SPDX-License-Identifier: Apache-2.0
// Join keys at the door (L3, pure): whom they let in, and what using one writes.
#pragma once

#include "controller/core/topology/node_life.h"
#include "controller/core/topology/registration.h"
#include "controller/server/directory.h"

namespace kernmesh::server {

// The record of a join key, if it lets such a newcomer in now. kPermissionDenied in words: unknown,
// expired, used, revoked, of another server, for the other kind.
Result<store::JoinKeyRecord> find_join_key(const View& view, const topology::Ticket& ticket,
                                           const topology::CaFingerprint& ca,
                                           store::Admits newcomer, WallTime now);

// How a node is in the network: by a join key, or by a person's sign-in.
topology::CameBy came_by(const store::NodeRecord& record);

// Into the commit that lets the newcomer in, so that the two happen together.
void count_use(store::JoinKeyRecord key, store::Commit& commit);

}  // namespace kernmesh::server
