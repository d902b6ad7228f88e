// SPDX-License-Identifier: Apache-2.0
// What a relay's next run needs of this one, as bytes (L1, pure). Big-endian:
//   "kernmesh relay state 1" · clients 4 · for each: network 16 · node 8 · disco key 32 · ticket
//   ends 8 · most pairs 2 · client's endpoint 19 · relay's address 17 · sequence 8 · stamp 8 ·
//   wishes 4 · for each: peer's disco key 32 · channel 4; then BLAKE2b-32 of all before
// An endpoint is family 1 (4 or 6) · port 2 · address 16; an address the same without port.
#pragma once

#include <vector>

#include "controller/base/result.h"
#include "controller/core/relay/session_table.h"

namespace kernmesh::relay {

Bytes to_bytes(const std::vector<SavedClient>& clients);

// kCorrupt when the bytes are not whole or not of this version; then a relay starts with nobody.
Result<std::vector<SavedClient>> parse_snapshot(std::span<const std::uint8_t> bytes);

}  // namespace kernmesh::relay
