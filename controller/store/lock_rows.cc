// SPDX-License-Identifier: Apache-2.0
// The network lock as rows (the rest of rows.h).
#include "controller/store/row_codec.h"
#include "controller/store/rows.h"

namespace kernmesh::store {
namespace {

Bytes bytes_of(const std::string& blob) { return {blob.begin(), blob.end()}; }

Status proposal_is_as_before(Database& db) {
  if (db.changed() == 1) return {};
  return Error(ErrorCode::kConflict, "the proposal for the lock was changed meanwhile");
}

}  // namespace

Status write_row(Database& db, const LockStatementRecord& record, Revision) {
  MESH_TRY(db.prepare("INSERT INTO lock_statement (number, bytes) SELECT ?1, ?2"
                      " WHERE ?1 = (SELECT coalesce(max(number), 0) + 1 FROM lock_statement)")
               .bind(signed_of(record.number))
               .bind_blob(record.bytes)
               .run());
  if (db.changed() == 1) return {};
  return Error(ErrorCode::kConflict, "statement " + std::to_string(record.number) +
                                         " of the lock is not the next one any more");
}

Status write_row(Database& db, const LockProposalRecord& record, Revision now) {
  const bool fresh = record.written == Revision{};
  auto statement = db.prepare(
      fresh ? "INSERT INTO lock_proposal (digest, bytes, created_at, written) VALUES (?1,?2,?3,?4)"
            : "UPDATE lock_proposal SET bytes=?2, created_at=?3, written=?4"
              " WHERE digest=?1 AND written=?5");
  statement.bind_blob(record.digest.bytes).bind_blob(record.bytes);
  statement.bind(seconds_of(record.created_at)).bind(signed_of(now.value()));
  if (!fresh) statement.bind(signed_of(record.written.value()));
  MESH_TRY(statement.run());
  return proposal_is_as_before(db);
}

Status remove_row(Database& db, const Removal<LockDigest>& removal) {
  MESH_TRY(db.prepare("DELETE FROM lock_proposal WHERE digest=?1 AND written=?2")
               .bind_blob(removal.id.bytes)
               .bind(signed_of(removal.written.value()))
               .run());
  return proposal_is_as_before(db);
}

Status read_rows(Database& db, std::vector<LockStatementRecord>& records) {
  constexpr auto kSql = "SELECT number, bytes FROM lock_statement ORDER BY number";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    LockStatementRecord record;
    record.number = unsigned_of(row.number());
    record.bytes = bytes_of(row.blob());
    records.push_back(std::move(record));
    return {};
  });
}

Status read_rows(Database& db, std::vector<LockProposalRecord>& records) {
  constexpr auto kSql = "SELECT digest, bytes, created_at, written FROM lock_proposal";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    LockProposalRecord record;
    MESH_TRY(read_bytes(row, record.digest.bytes));
    record.bytes = bytes_of(row.blob());
    record.created_at = time_of(row.number());
    record.written = Revision(unsigned_of(row.number()));
    records.push_back(std::move(record));
    return {};
  });
}

}  // namespace kernmesh::store
