// SPDX-License-Identifier: Apache-2.0
// The step of the schema that brings approval and the expiry of keys (L2, private to this folder).
#pragma once

namespace kernmesh::store {

// Of a node, key_expiry 1 is a period, 2 never, 3 a date, 4 ended by hand; state 3 is pending.
// Tagged nodes do not expire any more.
inline constexpr const char* kNodeLifeStep = R"sql(
ALTER TABLE meta ADD COLUMN device_approval INTEGER NOT NULL DEFAULT 0;
ALTER TABLE join_key ADD COLUMN pre_approved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN key_expiry INTEGER NOT NULL DEFAULT 1;
ALTER TABLE node ADD COLUMN key_rotation_due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN machine_key_shared_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE node ADD COLUMN alarmed_for INTEGER NOT NULL DEFAULT 0;
UPDATE node SET key_expires_at = 0 WHERE tags <> '' AND state = 1;
)sql";

}  // namespace kernmesh::store
