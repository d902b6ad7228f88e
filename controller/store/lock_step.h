// SPDX-License-Identifier: Apache-2.0
// The step of the schema that brings the network lock (L2, private to this folder).
#pragma once

namespace kernmesh::store {

// Statements count from 1, over all locks that there were, and stay for ever: agents that have seen
// them miss them.
inline constexpr const char* kLockStep = R"sql(
CREATE TABLE lock_statement (
  number INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;
CREATE TRIGGER lock_statement_is_not_changed BEFORE UPDATE ON lock_statement
  BEGIN SELECT raise(ABORT, 'what a signer has said stays said'); END;
CREATE TRIGGER lock_statement_is_not_removed BEFORE DELETE ON lock_statement
  BEGIN SELECT raise(ABORT, 'what a signer has said stays said'); END;

CREATE TABLE lock_proposal (
  digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
  bytes BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  written INTEGER NOT NULL
) STRICT;

ALTER TABLE node ADD COLUMN endorsement BLOB NOT NULL DEFAULT x'';
)sql";

}  // namespace kernmesh::store
