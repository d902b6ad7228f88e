// SPDX-License-Identifier: Apache-2.0
// The key by which the server vouches for nodes to its relays (L3).
#pragma once

#include "controller/base/key.h"
#include "controller/server/state_dir.h"

namespace kernmesh::server {

// From ticket.key (0600) in `state`, which is made at the first start. kCorrupt when the file is no
// key: a new one would cut every node off from the relays.
Result<Ed25519SecretKey> open_ticket_key(const StateDir& state);

}  // namespace kernmesh::server
