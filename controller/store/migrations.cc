// SPDX-License-Identifier: Apache-2.0
#include "controller/store/migrations.h"

#include <array>

#include "controller/store/lock_step.h"
#include "controller/store/node_life_step.h"
#include "controller/store/sign_in_step.h"

namespace kernmesh::store {
namespace {

// A step is never edited after a release: what follows from a change of mind is a further step.
// Keys are blobs of 32 bytes, times seconds since 1970, lists of addresses, endpoints, roles and
// tags their text forms separated by spaces. `written` is the revision of the commit that last
// wrote the row.
constexpr std::array kSteps{
    // 1: as first released
    R"sql(
CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter VALUES ('revision', 0), ('network_revision', 0), ('user', 0), ('node', 0),
  ('join_key', 0);

CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL,
  overlay_v4 TEXT NOT NULL,
  overlay_v6 TEXT NOT NULL,
  token_secret BLOB NOT NULL CHECK (length(token_secret) = 32),
  admin_token_hash BLOB NOT NULL CHECK (length(admin_token_hash) = 32),
  written INTEGER NOT NULL
) STRICT;

CREATE TABLE user (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  written INTEGER NOT NULL
) STRICT;

CREATE TABLE node (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  user_id INTEGER NOT NULL REFERENCES user (id),
  state INTEGER NOT NULL,
  machine_key BLOB NOT NULL UNIQUE CHECK (length(machine_key) = 32),
  node_key BLOB NOT NULL UNIQUE CHECK (length(node_key) = 32),
  disco_key BLOB NOT NULL UNIQUE CHECK (length(disco_key) = 32),
  addresses TEXT NOT NULL,
  endpoints TEXT NOT NULL,
  ephemeral INTEGER NOT NULL,
  online INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  key_expires_at INTEGER NOT NULL,
  applied_epoch INTEGER NOT NULL,
  applied_revision INTEGER NOT NULL,
  agent_version TEXT NOT NULL,
  kernel_release TEXT NOT NULL,
  written INTEGER NOT NULL
) STRICT;

CREATE TABLE join_key (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  hint TEXT NOT NULL,
  user_id INTEGER NOT NULL REFERENCES user (id),
  reusable INTEGER NOT NULL,
  ephemeral INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL,
  use_count INTEGER NOT NULL,
  written INTEGER NOT NULL
) STRICT;

CREATE TABLE allocation (
  slot INTEGER PRIMARY KEY,
  node_id INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
)sql",
    // 2: policies, and by what they name users and nodes
    R"sql(
ALTER TABLE user ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE user ADD COLUMN roles TEXT NOT NULL DEFAULT '';
ALTER TABLE node ADD COLUMN tags TEXT NOT NULL DEFAULT '';

CREATE TABLE policy (
  revision INTEGER PRIMARY KEY,
  text TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  author TEXT NOT NULL,
  comment TEXT NOT NULL
) STRICT;
)sql",
    // 3: relays, and join keys that are for them and so nobody's (`admits` 2)
    R"sql(
CREATE TABLE join_key_3 (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  hint TEXT NOT NULL,
  admits INTEGER NOT NULL,
  user_id INTEGER REFERENCES user (id),
  reusable INTEGER NOT NULL,
  ephemeral INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL,
  use_count INTEGER NOT NULL,
  written INTEGER NOT NULL
) STRICT;
INSERT INTO join_key_3 SELECT id, hash, hint, 1, user_id, reusable, ephemeral, created_at,
  expires_at, revoked_at, use_count, written FROM join_key;
DROP TABLE join_key;
ALTER TABLE join_key_3 RENAME TO join_key;

INSERT INTO counter VALUES ('relay', 0);
CREATE TABLE relay (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  region TEXT NOT NULL,
  machine_key BLOB NOT NULL UNIQUE CHECK (length(machine_key) = 32),
  relay_key BLOB NOT NULL UNIQUE CHECK (length(relay_key) = 32),
  endpoints TEXT NOT NULL,
  tls_port INTEGER NOT NULL,
  draining INTEGER NOT NULL,
  online INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  version TEXT NOT NULL,
  written INTEGER NOT NULL
) STRICT;
)sql",
    // 4: where a node is found when it cannot be reached straight
    R"sql(
ALTER TABLE node ADD COLUMN home_relay INTEGER NOT NULL DEFAULT 0;
)sql",
    // 5: by what nodes know a relay's certificate
    R"sql(
ALTER TABLE relay ADD COLUMN tls_fingerprint BLOB NOT NULL
  DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000';
UPDATE relay SET tls_port = 0;  -- until it has told both
)sql",
    // 6: API tokens, requests that may come again, tags by join key, by which key a node came, and
    // an
    // audit log that knows from where and that nobody changes
    R"sql(
INSERT INTO counter VALUES ('token', 0);
CREATE TABLE token (
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  hint TEXT NOT NULL,
  user_id INTEGER NOT NULL REFERENCES user (id),
  role INTEGER NOT NULL,
  scope INTEGER NOT NULL,
  comment TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  written INTEGER NOT NULL
) STRICT;

CREATE TABLE request (
  number INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  salt BLOB NOT NULL CHECK (length(salt) = 32),
  subject INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX request_created_at ON request (created_at);

ALTER TABLE join_key ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE node ADD COLUMN join_key INTEGER NOT NULL DEFAULT 0;

ALTER TABLE audit ADD COLUMN peer TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_at ON audit (at);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
  WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
)sql",
    // 7: approval, and when keys end
    kNodeLifeStep,
    // 8: who signs in at an identity provider
    kSignInStep,
    // 9: the network lock
    kLockStep,
};

Result<int> schema_of(Database& db) {
  auto statement = db.prepare("SELECT coalesce(max(number), 0) FROM migration");
  MESH_TRY(statement.step());
  return static_cast<int>(statement.number());
}

}  // namespace

int newest_schema() { return static_cast<int>(kSteps.size()); }

Status migrate(Database& db) {
  MESH_TRY(
      db.execute("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY,"
                 " applied_at INTEGER NOT NULL DEFAULT (unixepoch())) STRICT"));
  MESH_TRY_ASSIGN(const int found, schema_of(db));
  if (found > newest_schema()) {
    return Error(ErrorCode::kUnsupported, "the database has schema " + std::to_string(found) +
                                              " of a newer version, this program knows up to " +
                                              std::to_string(newest_schema()) +
                                              ": run the newer version again");
  }
  for (int number = found + 1; number <= newest_schema(); ++number) {
    Transaction transaction(db);
    MESH_TRY(transaction.begin());
    MESH_TRY(db.execute(kSteps[number - 1]));
    MESH_TRY(db.prepare("INSERT INTO migration (number) VALUES (?1)").bind(number).run());
    MESH_TRY(transaction.commit());
  }
  return {};
}

}  // namespace kernmesh::store
