// SPDX-License-Identifier: Apache-2.0
// Signers and a lock of theirs for the tests of this folder.
#pragma once

#include "controller/core/lock/endorsement.h"
#include "tests/unit/core/relay/relay_keys.h"

namespace kernmesh::lock {

// The machine key of signer, or of node, `number`.
inline Ed25519SecretKey machine_of(std::uint8_t number) { return relay::signing_key(number); }
inline Signer name_of(std::uint8_t number) { return machine_public_key(machine_of(number)); }

inline DisableSecret secret_of(std::uint8_t number) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(number);
  return DisableSecret(bytes);
}

inline Statement signed_by(Statement statement, std::initializer_list<std::uint8_t> signers) {
  for (const auto number : signers) add_signature(statement, machine_of(number));
  return statement;
}

// Signers 1, 2 and 3, two of which change it; secrets 100 and 101 end it.
inline Statement sample_init() {
  Statement init;
  init.quorum = 2;
  init.signers = {name_of(1), name_of(2), name_of(3)};
  init.secrets = {digest_of(secret_of(100)), digest_of(secret_of(101))};
  return signed_by(init, {1, 2, 3});
}
inline Chain sample_chain() { return *begin_chain(sample_init()); }

inline Statement change_of(const Chain& chain, StatementKind kind, std::uint8_t signer) {
  Statement statement = next_statement(chain, kind);
  statement.signers = {name_of(signer)};
  return statement;
}

}  // namespace kernmesh::lock
