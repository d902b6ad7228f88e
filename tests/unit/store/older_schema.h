// SPDX-License-Identifier: Apache-2.0
// A database as older versions have left it.
#pragma once

namespace kernmesh::store {

// Takes back what the sixth step has made, but for the tags of join keys.
inline constexpr const char* kUndoSixth =
    "DROP TABLE token; DROP TABLE request; DELETE FROM counter WHERE name='token';"
    "ALTER TABLE node DROP COLUMN join_key;"
    "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_removed;"
    "DROP TRIGGER audit_is_not_replaced; DROP INDEX audit_at; ALTER TABLE audit DROP COLUMN peer;";

// The same of the seventh.
inline constexpr const char* kUndoSeventh =
    "ALTER TABLE meta DROP COLUMN device_approval; ALTER TABLE join_key DROP COLUMN pre_approved;"
    "ALTER TABLE node DROP COLUMN key_expiry; ALTER TABLE node DROP COLUMN key_rotation_due;"
    "ALTER TABLE node DROP COLUMN machine_key_shared_at; ALTER TABLE node DROP COLUMN alarmed_for;";

// The same of the eighth.
inline constexpr const char* kUndoEighth =
    "DROP TABLE user_group; DROP INDEX user_account;"
    "ALTER TABLE user DROP COLUMN subject; ALTER TABLE user DROP COLUMN issuer;";

// The same of the ninth.
inline constexpr const char* kUndoNinth =
    "DROP TABLE lock_statement; DROP TABLE lock_proposal;"
    "ALTER TABLE node DROP COLUMN endorsement;";

}  // namespace kernmesh::store
