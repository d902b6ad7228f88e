// SPDX-License-Identifier: Apache-2.0
// The locks that a network has had, one after the other, as whoever keeps this has verified them
// (L1, pure; docs/adr/0012). The server has one to hand on and every agent one of its own, which
// only moves forward.
#pragma once

#include <optional>

#include "controller/core/lock/chain.h"

namespace kernmesh::lock {

// A change a day for eleven years; and what a netmap carries without being noticed.
inline constexpr std::size_t kMostStatements = 4096;
inline constexpr std::size_t kMostHistoryBytes = 1 << 20;

struct History {
  std::vector<Bytes> statements;  // of all locks, as encode() makes them
  std::vector<Digest> locks;      // of the first statement of each
  std::optional<Chain> chain;     // of the newest lock; nothing: there was none
  bool is_in_force() const { return chain && !chain->disabled; }
};

// Adds a statement to the lock in force, or begins one when there is none. Errors, after which the
// history is as it was: those of parse_statement(), begin_chain() and advance(); kConflict for a
// lock that was there before, since whoever could sign for it may have lost his keys; kExhausted.
Status append(History& history, const Bytes& statement);

Result<History> read_history(const std::vector<Bytes>& statements);

// Moves it to what somebody else has, wholly or not at all. kConflict when that is older, or says
// something else of what is known; the errors of append() for what is new.
Status follow(History& held, const std::vector<Bytes>& sent);

// How many signatures the statement lacks to be the next one. Errors for what no further signature
// mends: as those of append().
Result<std::size_t> signatures_lacking(const History& history, const Statement& statement);

// What the statement does, for people: "trust the signer …".
std::string to_words(const Statement& statement);

}  // namespace kernmesh::lock
