// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/chain.h"

#include <sodium.h>

#include <algorithm>

#include "controller/core/lock/signing.h"

namespace kernmesh::lock {
namespace {

Error refused(ErrorCode code, const std::string& why) { return {code, "network lock: " + why}; }

// How many of `signers` have signed; an error when a signature is false or not of theirs, since
// somebody has touched what nobody needs to touch.
Result<std::size_t> count_signatures(const Statement& statement,
                                     const std::vector<Signer>& signers) {
  const Digest digest = digest_of(statement);
  std::vector<Signer> counted;
  for (const auto& made : statement.signatures) {
    if (!std::binary_search(signers.begin(), signers.end(), made.signer)) {
      return refused(ErrorCode::kPermissionDenied,
                     to_string(made.signer) + " is not trusted to sign");
    }
    if (std::find(counted.begin(), counted.end(), made.signer) != counted.end()) {
      return refused(ErrorCode::kPermissionDenied, to_string(made.signer) + " has signed twice");
    }
    if (!verify(made.signer, digest, made.signature)) {
      return refused(ErrorCode::kPermissionDenied,
                     "the signature of " + to_string(made.signer) + " does not verify");
    }
    counted.push_back(made.signer);
  }
  return counted.size();
}

// How many more have to sign.
Result<std::size_t> lacking_of(std::size_t wanted, const std::vector<Signer>& signers,
                               const Statement& statement) {
  MESH_TRY_ASSIGN(const auto count, count_signatures(statement, signers));
  return count >= wanted ? 0 : wanted - count;
}

Status change_signers(Chain& chain, const Statement& statement) {
  if (statement.signers.size() != 1) return refused(ErrorCode::kInvalid, "no signer is named");
  const Signer& signer = statement.signers.front();
  const auto at = std::lower_bound(chain.signers.begin(), chain.signers.end(), signer);
  const bool trusted = at != chain.signers.end() && *at == signer;
  if (statement.kind == StatementKind::kTrust) {
    if (trusted) return refused(ErrorCode::kConflict, to_string(signer) + " is trusted already");
    if (chain.signers.size() >= kMostSigners) {
      return refused(ErrorCode::kInvalid,
                     "there are " + std::to_string(kMostSigners) + " signers, which is the most");
    }
    chain.signers.insert(at, signer);
    return {};
  }
  if (!trusted) return refused(ErrorCode::kConflict, to_string(signer) + " is not trusted");
  if (chain.signers.size() <= chain.quorum) {
    return refused(ErrorCode::kInvalid,
                   "without it fewer signers would be left than a change needs; "
                   "trust another one first");
  }
  chain.signers.erase(at);
  return {};
}

Status disable(Chain& chain, const Statement& statement) {
  const Digest shown = digest_of(statement.secret);
  const bool known =
      std::any_of(chain.secrets.begin(), chain.secrets.end(), [&](const Digest& digest) {
        return sodium_memcmp(digest.data(), shown.data(), shown.size()) == 0;
      });
  if (!known) return refused(ErrorCode::kPermissionDenied, "the secret is none of this lock's");
  chain.disabled = true;
  return {};
}

// What it leads to when all have signed it who must.
Result<Chain> chain_from(const Statement& init) {
  const Chain chain = proposed_chain(init);
  if (init.kind != StatementKind::kInit || init.number != 0 || init.previous != Digest{}) {
    return refused(ErrorCode::kInvalid, "the first statement is not one that begins a lock");
  }
  if (chain.signers.size() > kMostSigners || chain.secrets.size() > kMostSecrets ||
      std::adjacent_find(chain.signers.begin(), chain.signers.end()) != chain.signers.end()) {
    return refused(ErrorCode::kInvalid, "a signer is named twice, or there are too many");
  }
  if (chain.quorum == 0 || chain.quorum > chain.signers.size()) {
    return refused(ErrorCode::kInvalid, "a quorum of " + std::to_string(chain.quorum) + " of " +
                                            std::to_string(chain.signers.size()) + " signers");
  }
  if (chain.secrets.empty()) {
    return refused(ErrorCode::kInvalid, "no secret could end it when its signers are lost");
  }
  return chain;
}

Result<Chain> chain_after(const Chain& chain, const Statement& statement) {
  if (chain.disabled) return refused(ErrorCode::kPermissionDenied, "it has ended");
  if (statement.number != chain.number + 1 || statement.previous != chain.head) {
    return refused(ErrorCode::kConflict,
                   "statement " + std::to_string(statement.number) + " does not follow number " +
                       std::to_string(chain.number) + ", the newest that is known");
  }
  Chain moved = chain;
  switch (statement.kind) {
    case StatementKind::kTrust:
    case StatementKind::kDistrust:
      MESH_TRY(change_signers(moved, statement));
      break;
    case StatementKind::kDisable:
      MESH_TRY(disable(moved, statement));
      break;
    case StatementKind::kInit:
      return refused(ErrorCode::kConflict, "it has begun already");
  }
  moved.number = statement.number;
  moved.head = digest_of(statement);
  return moved;
}

// A secret needs no signer.
Result<std::size_t> lacking_for(const Chain& chain, const Statement& statement) {
  const std::size_t wanted = statement.kind == StatementKind::kDisable ? 0 : chain.quorum;
  return lacking_of(wanted, chain.signers, statement);
}

}  // namespace

Chain proposed_chain(const Statement& init) {
  Chain chain;
  chain.lock = chain.head = digest_of(init);
  chain.quorum = init.quorum;
  chain.signers = init.signers;
  chain.secrets = init.secrets;
  std::sort(chain.signers.begin(), chain.signers.end());
  return chain;
}

Result<std::size_t> lacking_to_begin(const Statement& init) {
  MESH_TRY_ASSIGN(const auto chain, chain_from(init));
  return lacking_of(chain.signers.size(), chain.signers, init);
}

Result<std::size_t> lacking_to_advance(const Chain& chain, const Statement& statement) {
  MESH_TRY(chain_after(chain, statement));
  return lacking_for(chain, statement);
}

Result<Chain> begin_chain(const Statement& init) {
  MESH_TRY_ASSIGN(const auto chain, chain_from(init));
  MESH_TRY_ASSIGN(const auto lacking, lacking_of(chain.signers.size(), chain.signers, init));
  if (lacking != 0) {
    return refused(ErrorCode::kInvalid, "not every signer has signed its beginning");
  }
  return chain;
}

Status advance(Chain& chain, const Statement& statement) {
  MESH_TRY_ASSIGN(auto moved, chain_after(chain, statement));
  MESH_TRY_ASSIGN(const auto lacking, lacking_for(chain, statement));
  if (lacking != 0) {
    return refused(ErrorCode::kPermissionDenied,
                   "signed by " + std::to_string(chain.quorum - lacking) + " of the " +
                       std::to_string(chain.quorum) + " signers that a change needs");
  }
  chain = std::move(moved);
  return {};
}

Statement next_statement(const Chain& chain, StatementKind kind) {
  Statement statement;
  statement.kind = kind;
  statement.number = chain.number + 1;
  statement.previous = chain.head;
  return statement;
}

bool trusts(const Chain& chain, const Signer& signer) {
  return std::binary_search(chain.signers.begin(), chain.signers.end(), signer);
}

}  // namespace kernmesh::lock
