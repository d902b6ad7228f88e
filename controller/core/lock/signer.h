// SPDX-License-Identifier: Apache-2.0
// What whoever has a signing key signs: statements that come next and claims of nodes, and nothing
// else (L1, pure; docs/adr/0012).
#pragma once

#include "controller/core/lock/endorsement.h"
#include "controller/core/lock/history.h"

namespace kernmesh::lock {

// The statement with one more signature. kConflict when it does not follow what this signer holds,
// kPermissionDenied when the key is none of those that may sign it or another signature is false;
// kInvalid for an end by secret, which nobody signs.
Result<Statement> sign_statement(const History& held, Statement statement,
                                 const Ed25519SecretKey& signer);

// The lock that `signer` may endorse nodes of: the one in force, or one that is to begin with
// `init`, which names him. kPermissionDenied when he is none of its signers.
Result<Chain> chain_to_endorse(const History& held, const std::optional<Statement>& init,
                               const Signer& signer);

// `present`: the endorsement that the node has, in bytes; empty or useless: it counts from `seen`,
// the highest rotation that the signer knows of that machine.
Endorsement endorse_next(const Chain& chain, const Claim& claim, const Bytes& present,
                         std::uint64_t seen, const Ed25519SecretKey& signer);

// For people, of what was signed.
std::string to_words(const Claim& claim);

}  // namespace kernmesh::lock
