// SPDX-License-Identifier: Apache-2.0
// What a node remembers of the network lock, and its bytes (L1, pure; docs/adr/0012).
//
// Big-endian:  version 1 (1) · count 4 and statements: length 4 and bytes · count 4 and machines:
//   machine key 32, highest rotation 8 · length 4 and bytes of the node's own endorsement
#pragma once

#include "controller/core/lock/admission.h"
#include "controller/core/lock/history.h"

namespace kernmesh::lock {

// As many machines as ten networks of the largest size that is tested have had over time.
inline constexpr std::size_t kMostMachines = 1'000'000;

struct Memory {
  History history;
  Rotations rotations;  // of this node, too
  Bytes own;            // this node's endorsement, as it last was good; empty: none
};

Bytes encode(const Memory& memory);
// kCorrupt unless the bytes are what encode() makes; the statements are verified again.
Result<Memory> parse_memory(std::span<const std::uint8_t> bytes);

}  // namespace kernmesh::lock
