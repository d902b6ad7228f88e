// SPDX-License-Identifier: Apache-2.0
// A database as older versions have left it: steps of the schema (controller/store/migrations.cc)
// taken back, with what they have brought.
#pragma once

#include <sqlite3.h>

#include <array>
#include <string>

namespace kernmesh::store {

// Of the second step, and so on.
inline constexpr std::array kUndo{
    "DROP TABLE policy; ALTER TABLE node DROP COLUMN tags;"
    "ALTER TABLE user DROP COLUMN roles; ALTER TABLE user DROP COLUMN email;",

    "ALTER TABLE join_key RENAME TO newer;"
    "CREATE TABLE join_key (id INTEGER PRIMARY KEY,"
    " hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), hint TEXT NOT NULL,"
    " user_id INTEGER NOT NULL REFERENCES user (id), reusable INTEGER NOT NULL,"
    " ephemeral INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,"
    " revoked_at INTEGER NOT NULL, use_count INTEGER NOT NULL, written INTEGER NOT NULL) STRICT;"
    "INSERT INTO join_key SELECT id, hash, hint, user_id, reusable, ephemeral, created_at,"
    " expires_at, revoked_at, use_count, written FROM newer WHERE admits = 1;"
    "DROP TABLE newer; DROP TABLE relay; DELETE FROM counter WHERE name='relay';",

    "ALTER TABLE node DROP COLUMN home_relay;",

    "ALTER TABLE relay DROP COLUMN tls_fingerprint;",

    "DROP TABLE token; DROP TABLE request; DELETE FROM counter WHERE name='token';"
    "ALTER TABLE join_key DROP COLUMN tags; ALTER TABLE node DROP COLUMN join_key;"
    "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed;"
    "DROP TRIGGER audit_is_not_replaced; DROP INDEX audit_at; ALTER TABLE audit DROP COLUMN peer;",

    "ALTER TABLE meta DROP COLUMN device_approval; ALTER TABLE join_key DROP COLUMN pre_approved;"
    "ALTER TABLE node DROP COLUMN key_expiry; ALTER TABLE node DROP COLUMN key_rotation_due;"
    "ALTER TABLE node DROP COLUMN machine_key_shared_at; ALTER TABLE node DROP COLUMN alarmed_for;",

    "DROP TABLE user_group; DROP INDEX user_account;"
    "ALTER TABLE user DROP COLUMN subject; ALTER TABLE user DROP COLUMN issuer;",

    "DROP TABLE lock_statement; DROP TABLE lock_proposal;"
    "ALTER TABLE node DROP COLUMN endorsement;",
};
inline constexpr int kNewestUndone = static_cast<int>(kUndo.size()) + 1;

// Leaves the file as a version whose newest step was `schema` did. What SQLite has against it;
// empty when it is done.
inline std::string undo_to(int schema, const std::string& database) {
  sqlite3* db = nullptr;
  std::string fault;
  const auto execute = [&](const std::string& sql) {
    if (fault.empty() && sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
      fault = sql + ": " + sqlite3_errmsg(db);
    }
  };
  if (sqlite3_open(database.c_str(), &db) != SQLITE_OK) fault = sqlite3_errmsg(db);
  for (int step = kNewestUndone; step > schema; --step) {
    execute(kUndo[static_cast<std::size_t>(step) - 2]);
  }
  execute("DELETE FROM migration WHERE number > " + std::to_string(schema));
  sqlite3_close(db);
  return fault;
}

}  // namespace kernmesh::store
