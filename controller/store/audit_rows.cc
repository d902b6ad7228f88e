// SPDX-License-Identifier: Apache-2.0
// The audit log as rows (the rest of rows.h).
#include <limits>

#include "controller/store/row_codec.h"
#include "controller/store/rows.h"

namespace kernmesh::store {
namespace {

// Every condition stands in every query, so that the text is one of two: a parameter that admits
// everything costs less than a statement for each combination.
constexpr std::string_view kOldestFirst =
    "SELECT id, at, actor, action, subject, detail, peer FROM audit WHERE id > ?1"
    " AND (?2 = '' OR actor = ?2 OR substr(actor, 1, length(?2) + 1) = ?2 || ',')"
    " AND (?3 = '' OR action = ?3 OR substr(action, 1, length(?3) + 1) = ?3 || '.')"
    " AND at >= ?4 AND at < ?5 ORDER BY id LIMIT ?6";
constexpr std::string_view kNewestFirst =
    "SELECT id, at, actor, action, subject, detail, peer FROM audit WHERE id < ?1"
    " AND (?2 = '' OR actor = ?2 OR substr(actor, 1, length(?2) + 1) = ?2 || ',')"
    " AND (?3 = '' OR action = ?3 OR substr(action, 1, length(?3) + 1) = ?3 || '.')"
    " AND at >= ?4 AND at < ?5 ORDER BY id DESC LIMIT ?6";

}  // namespace

Status write_row(Database& db, const AuditEvent& event) {
  return db
      .prepare(
          "INSERT INTO audit (at, actor, action, subject, detail, peer)"
          " VALUES (?1,?2,?3,?4,?5,?6)")
      .bind(seconds_of(event.at))
      .bind(event.actor)
      .bind(event.action)
      .bind(event.subject)
      .bind(event.detail)
      .bind(event.from)
      .run();
}

Result<std::vector<AuditRecord>> read_audit(Database& db, const AuditQuery& query) {
  constexpr auto kEnd = std::numeric_limits<std::int64_t>::max();
  const bool oldest_first = query.order == AuditOrder::kOldestFirst;
  auto row = db.prepare(oldest_first ? kOldestFirst : kNewestFirst);
  const bool from_the_end = !oldest_first && query.beyond == AuditId();
  row.bind(from_the_end ? kEnd : signed_of(query.beyond.value()));
  row.bind(query.actor).bind(query.action).bind(seconds_of(query.since));
  row.bind(query.until == WallTime{} ? kEnd : seconds_of(query.until));
  row.bind(static_cast<std::int64_t>(query.most));
  std::vector<AuditRecord> records;
  for (;;) {
    MESH_TRY_ASSIGN(const bool more, row.step());
    if (!more) return records;
    AuditRecord record;
    record.id = AuditId(unsigned_of(row.number()));
    record.event.at = time_of(row.number());
    record.event.actor = row.text();
    record.event.action = row.text();
    record.event.subject = row.text();
    record.event.detail = row.text();
    record.event.from = row.text();
    records.push_back(std::move(record));
  }
}

Result<AuditId> read_newest_audit(Database& db) {
  auto row = db.prepare("SELECT coalesce(max(id), 0) FROM audit");
  MESH_TRY(row.step());
  return AuditId(unsigned_of(row.number()));
}

}  // namespace kernmesh::store
