// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/signer.h"

#include <algorithm>

namespace kernmesh::lock {
namespace {

Error not_to_sign(ErrorCode code, const std::string& why) { return {code, "network lock: " + why}; }

bool names(const std::vector<Signer>& signers, const Signer& signer) {
  return std::find(signers.begin(), signers.end(), signer) != signers.end();
}

}  // namespace

Result<Statement> sign_statement(const History& held, Statement statement,
                                 const Ed25519SecretKey& signer) {
  if (statement.kind == StatementKind::kDisable) {
    return not_to_sign(ErrorCode::kInvalid, "its end takes a secret and no signature");
  }
  MESH_TRY(signatures_lacking(held, statement));
  const Signer key = machine_public_key(signer);
  const bool may_sign = statement.kind == StatementKind::kInit ? names(statement.signers, key)
                                                               : trusts(*held.chain, key);
  if (!may_sign) {
    return not_to_sign(ErrorCode::kPermissionDenied, to_string(key) + " is not trusted to sign");
  }
  add_signature(statement, signer);
  return statement;
}

Result<Chain> chain_to_endorse(const History& held, const std::optional<Statement>& init,
                               const Signer& signer) {
  if (!held.is_in_force() && !init) {
    return not_to_sign(ErrorCode::kConflict, "there is none, so there is nothing to sign for");
  }
  if (!held.is_in_force()) MESH_TRY(signatures_lacking(held, *init));
  const Chain chain = held.is_in_force() ? *held.chain : proposed_chain(*init);
  if (trusts(chain, signer)) return chain;
  return not_to_sign(ErrorCode::kPermissionDenied, to_string(signer) + " is not trusted to sign");
}

Endorsement endorse_next(const Chain& chain, const Claim& claim, const Bytes& present,
                         std::uint64_t seen, const Ed25519SecretKey& signer) {
  const auto known = parse_endorsement(present);
  const std::uint64_t base = known ? base_for(*known, claim) : 0;
  return endorse(chain, claim, std::max(base, seen), signer);
}

std::string to_words(const Claim& claim) {
  std::string text = "machine " + to_string(claim.machine_key) + " with the WireGuard key " +
                     to_string(claim.node_key) + " at";
  for (const auto& address : claim.addresses) text += " " + to_string(address);
  return text + ", fingerprint " + fingerprint(claim);
}

}  // namespace kernmesh::lock
