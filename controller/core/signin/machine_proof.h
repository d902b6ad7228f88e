// SPDX-License-Identifier: Apache-2.0
// What a machine signs to ask for a sign-in (L1, pure). As for a registration
// (core/topology/registration.h), but under a label of its own, so that neither proof is taken for
// the other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "controller/base/key.h"
#include "controller/core/topology/registration.h"

namespace kernmesh::signin {

// label || fingerprint || u16 nonce length (big-endian) || nonce || node key || disco key, where
// label is "kernmesh sign-in v1" without a terminator.
struct MachineProof {
  const topology::CaFingerprint& ca;
  std::span<const std::uint8_t> nonce;
  const NodePublicKey& node_key;
  const DiscoPublicKey& disco_key;
};
std::vector<std::uint8_t> to_bytes(const MachineProof& proof);

}  // namespace kernmesh::signin
