// SPDX-License-Identifier: Apache-2.0
// The network lock as its statements leave it (L1, pure; docs/adr/0012). Every agent keeps one and
// moves it forward by itself, so the server that carries the statements cannot make one up, change
// one, leave one out or take one back.
#pragma once

#include "controller/core/lock/statement.h"

namespace kernmesh::lock {

struct Chain {
  Digest lock{};  // of the first statement: names the lock for ever
  Digest head{};  // of the newest
  std::uint64_t number = 0;
  std::uint8_t quorum = 0;
  std::vector<Signer> signers;  // ascending
  std::vector<Digest> secrets;
  bool disabled = false;
  bool operator==(const Chain&) const = default;
};

// A lock's beginning. kInvalid unless it has signers, each once, a quorum that they can reach, a
// secret, and the signature of every signer: who cannot sign shall not be counted on.
Result<Chain> begin_chain(const Statement& init);

// The lock that a first statement would begin, whoever has signed it so far: for endorsements that
// are to be there when it begins. Not to be trusted for anything else.
Chain proposed_chain(const Statement& init);

// Moves it by one statement, or leaves it as it was. Errors:
//   kConflict         it is not the next one, or says again what is so already
//   kPermissionDenied fewer signers than the quorum have signed it, a signature is false, the
//   secret
//                     is none of this lock's, or the lock has ended
//   kInvalid          too few signers would be left, or too many
Status advance(Chain& chain, const Statement& statement);

// How many more signers have to sign the statement for it to begin a lock, or to be the next of
// this one. Errors as of begin_chain() and advance() for what further signatures do not mend.
Result<std::size_t> lacking_to_begin(const Statement& init);
Result<std::size_t> lacking_to_advance(const Chain& chain, const Statement& statement);

// The statement that would come next, without signatures.
Statement next_statement(const Chain& chain, StatementKind kind);

bool trusts(const Chain& chain, const Signer& signer);

}  // namespace kernmesh::lock
