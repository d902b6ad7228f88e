// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/history.h"

#include <algorithm>

#include "controller/core/lock/signing.h"

namespace kernmesh::lock {
namespace {

Error out_of_line(ErrorCode code, const std::string& why) { return {code, "network lock: " + why}; }

Status check_is_new(const History& history, const Statement& statement) {
  const auto& locks = history.locks;
  if (statement.kind != StatementKind::kInit ||
      std::find(locks.begin(), locks.end(), digest_of(statement)) == locks.end()) {
    return {};
  }
  return out_of_line(ErrorCode::kConflict, "this lock was there before, and does not begin again");
}

Status check_room(const History& history, const Bytes& statement) {
  std::size_t bytes = statement.size();
  for (const auto& held : history.statements) bytes += held.size();
  if (history.statements.size() < kMostStatements && bytes <= kMostHistoryBytes) return {};
  return out_of_line(ErrorCode::kExhausted, "there are " +
                                                std::to_string(history.statements.size()) +
                                                " statements, and no room for another one");
}

// The same statement may have been carried here with more signatures than it took.
bool says_the_same(const Bytes& one, const Bytes& other) {
  if (one == other) return true;
  const auto a = parse_statement(one), b = parse_statement(other);
  return a && b && digest_of(*a) == digest_of(*b);
}

std::string list_of(const std::vector<Signer>& signers) {
  std::string text;
  for (const auto& signer : signers) text += (text.empty() ? "" : ", ") + to_string(signer);
  return text;
}

}  // namespace

Status append(History& history, const Bytes& statement) {
  MESH_TRY(check_room(history, statement));
  MESH_TRY_ASSIGN(const auto read, parse_statement(statement));
  if (history.is_in_force()) {
    MESH_TRY(advance(*history.chain, read));
  } else {
    MESH_TRY(check_is_new(history, read));
    MESH_TRY_ASSIGN(const auto chain, begin_chain(read));
    history.chain = chain;
    history.locks.push_back(chain.lock);
  }
  history.statements.push_back(statement);
  return {};
}

Result<History> read_history(const std::vector<Bytes>& statements) {
  History history;
  for (const auto& statement : statements) MESH_TRY(append(history, statement));
  return history;
}

Status follow(History& held, const std::vector<Bytes>& sent) {
  const std::size_t known = held.statements.size();
  for (std::size_t i = 0; i < std::min(known, sent.size()); ++i) {
    if (says_the_same(held.statements[i], sent[i])) continue;
    return out_of_line(ErrorCode::kConflict,
                       "statement " + std::to_string(i + 1) + " is not the one that is known here");
  }
  if (sent.size() < known) {
    return out_of_line(ErrorCode::kConflict, sent.empty()
                                                 ? "it is gone, without having been disabled here"
                                                 : "it has " + std::to_string(sent.size()) +
                                                       " statements, and here " +
                                                       std::to_string(known) + " are known");
  }
  if (sent.size() == known) return {};
  History moved = held;
  for (std::size_t i = known; i < sent.size(); ++i) MESH_TRY(append(moved, sent[i]));
  held = std::move(moved);
  return {};
}

Result<std::size_t> signatures_lacking(const History& history, const Statement& statement) {
  MESH_TRY(check_room(history, encode(statement)));
  if (history.is_in_force()) return lacking_to_advance(*history.chain, statement);
  MESH_TRY(check_is_new(history, statement));
  return lacking_to_begin(statement);
}

std::string to_words(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kInit:
      return "begin a lock with a quorum of " + std::to_string(statement.quorum) +
             " and the signers " + list_of(statement.signers);
    case StatementKind::kTrust:
      return "trust the signer " + list_of(statement.signers);
    case StatementKind::kDistrust:
      return "trust the signer " + list_of(statement.signers) + " no more";
    case StatementKind::kDisable:
      return "end the lock by one of its secrets";
  }
  return "";
}

}  // namespace kernmesh::lock
