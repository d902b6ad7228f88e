// SPDX-License-Identifier: Apache-2.0
// Records as rows (L2, private to this folder). Writing compares `written` in the same statement.
#pragma once

#include <optional>
#include <vector>

#include "controller/store/audit_event.h"
#include "controller/store/record.h"
#include "controller/store/removal.h"
#include "controller/store/sqlite_db.h"

namespace kernmesh::store {

// Inserts when the record's `written` is 0, else replaces the row that still has it; the row then
// carries `now`. kConflict when there is no such row, kAlreadyExists when there is another.
Status write_row(Database& db, const MetaRecord& record, Revision now);
Status write_row(Database& db, const UserRecord& record, Revision now);
Status write_row(Database& db, const NodeRecord& record, Revision now);
Status write_row(Database& db, const JoinKeyRecord& record, Revision now);
Status write_row(Database& db, const AllocationRecord& record, Revision now);
// kConflict unless the policy's revision is the next one.
Status write_row(Database& db, const PolicyRecord& record, Revision now);
Status write_row(Database& db, const RelayRecord& record, Revision now);
Status write_row(Database& db, const TokenRecord& record, Revision now);
// Forgets what is beyond kRequestMemory and kMostRequests.
Status write_row(Database& db, const RequestRecord& record, Revision now);
Status write_row(Database& db, const LockStatementRecord& record, Revision now);
Status write_row(Database& db, const LockProposalRecord& record, Revision now);
Status write_row(Database& db, const AuditEvent& event);

Status remove_row(Database& db, const Removal<UserId>& removal);
Status remove_row(Database& db, const Removal<NodeId>& removal);
Status remove_row(Database& db, const Removal<JoinKeyId>& removal);
Status remove_row(Database& db, const Removal<netmap::RelayId>& removal);
Status remove_row(Database& db, const Removal<TokenId>& removal);
Status remove_row(Database& db, const Removal<LockDigest>& removal);

Status read_rows(Database& db, std::vector<MetaRecord>& records);
Status read_rows(Database& db, std::vector<UserRecord>& records);
Status read_rows(Database& db, std::vector<NodeRecord>& records);
Status read_rows(Database& db, std::vector<JoinKeyRecord>& records);
Status read_rows(Database& db, std::vector<RelayRecord>& records);
Status read_rows(Database& db, std::vector<TokenRecord>& records);
Status read_rows(Database& db, std::vector<PolicyHead>& heads);
Status read_rows(Database& db, std::vector<LockStatementRecord>& records);
Status read_rows(Database& db, std::vector<LockProposalRecord>& records);
// kNotFound when there is no such policy.
Result<std::string> read_policy_text(Database& db, PolicyRevision revision);

Result<std::vector<AuditRecord>> read_audit(Database& db, const AuditQuery& query);
Result<AuditId> read_newest_audit(Database& db);
Result<std::optional<RequestRecord>> read_request(Database& db, const Hash& key, WallTime now);

}  // namespace kernmesh::store
