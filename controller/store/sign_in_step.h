// SPDX-License-Identifier: Apache-2.0
// A step of migrations.cc (L2, private to this folder): users by the account that they sign in
// with.
#pragma once

namespace kernmesh::store {

// NULLs are distinct to an index: users that an administrator made have neither. A provider's
// groups are any text, so they are rows and no list of words.
inline constexpr const char* kSignInStep = R"sql(
ALTER TABLE user ADD COLUMN issuer TEXT;
ALTER TABLE user ADD COLUMN subject TEXT CHECK ((issuer IS NULL) = (subject IS NULL));
CREATE UNIQUE INDEX user_account ON user (issuer, subject);

CREATE TABLE user_group (
  user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;
)sql";

}  // namespace kernmesh::store
