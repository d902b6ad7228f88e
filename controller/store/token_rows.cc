// SPDX-License-Identifier: Apache-2.0
// API tokens and remembered requests as rows (the rest of rows.h).
#include "controller/store/row_codec.h"
#include "controller/store/rows.h"
#include "controller/store/store.h"

namespace kernmesh::store {

Status write_row(Database& db, const TokenRecord& record, Revision now) {
  const bool fresh = record.written == Revision{};
  auto statement = db.prepare(
      fresh ? "INSERT INTO token (id, hash, hint, user_id, role, scope, comment, created_at,"
              " expires_at, last_used_at, written) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"
            : "UPDATE token SET hash=?2, hint=?3, user_id=?4, role=?5, scope=?6, comment=?7,"
              " created_at=?8, expires_at=?9, last_used_at=?10, written=?11"
              " WHERE id=?1 AND written=?12");
  statement.bind(signed_of(record.id.value())).bind_blob(record.hash).bind(record.hint);
  statement.bind(signed_of(record.user_id.value()));
  statement.bind(static_cast<std::int64_t>(record.role));
  statement.bind(static_cast<std::int64_t>(record.scope)).bind(record.comment);
  statement.bind(seconds_of(record.created_at)).bind(seconds_of(record.expires_at));
  statement.bind(seconds_of(record.last_used_at)).bind(signed_of(now.value()));
  if (!fresh) statement.bind(signed_of(record.written.value()));
  MESH_TRY(statement.run());
  return replaced(db, "token", record.id.value());
}

Status remove_row(Database& db, const Removal<TokenId>& removal) {
  return remove_from(db, "DELETE FROM token WHERE id=?1 AND written=?2", "token", removal);
}

Status read_rows(Database& db, std::vector<TokenRecord>& records) {
  constexpr auto kSql =
      "SELECT id, hash, hint, user_id, role, scope, comment, created_at, expires_at, last_used_at,"
      " written FROM token";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    TokenRecord record;
    record.id = TokenId(unsigned_of(row.number()));
    MESH_TRY(read_bytes(row, record.hash));
    record.hint = row.text();
    record.user_id = UserId(unsigned_of(row.number()));
    const auto role = row.number();
    const auto scope = row.number();
    if (role < 1 || role > 5 || scope < 1 || scope > 4) {
      return Error(ErrorCode::kCorrupt, "a token has role " + std::to_string(role) + " and scope " +
                                            std::to_string(scope));
    }
    record.role = static_cast<topology::Role>(role);
    record.scope = static_cast<topology::Scope>(scope);
    record.comment = row.text();
    record.created_at = time_of(row.number());
    record.expires_at = time_of(row.number());
    record.last_used_at = time_of(row.number());
    record.written = Revision(unsigned_of(row.number()));
    records.push_back(std::move(record));
    return {};
  });
}

Status write_row(Database& db, const RequestRecord& record, Revision) {
  MESH_TRY(db.prepare("DELETE FROM request WHERE created_at <= ?1")
               .bind(seconds_of(record.created_at - kRequestMemory))
               .run());
  MESH_TRY(db.prepare("DELETE FROM request WHERE number IN"
                      " (SELECT number FROM request ORDER BY number DESC LIMIT -1 OFFSET ?1)")
               .bind(kMostRequests - 1)
               .run());
  return db
      .prepare(
          "INSERT INTO request (key, digest, salt, subject, created_at)"
          " VALUES (?1,?2,?3,?4,?5)")
      .bind_blob(record.key)
      .bind_blob(record.digest)
      .bind_blob(record.salt)
      .bind(signed_of(record.subject))
      .bind(seconds_of(record.created_at))
      .run();
}

Result<std::optional<RequestRecord>> read_request(Database& db, const Hash& key, WallTime now) {
  auto row = db.prepare(
      "SELECT digest, salt, subject, created_at FROM request WHERE key=?1 AND created_at > ?2");
  row.bind_blob(key).bind(seconds_of(now - kRequestMemory));
  MESH_TRY_ASSIGN(const bool found, row.step());
  if (!found) return std::optional<RequestRecord>();
  RequestRecord record;
  record.key = key;
  MESH_TRY(read_bytes(row, record.digest));
  MESH_TRY(read_bytes(row, record.salt));
  record.subject = unsigned_of(row.number());
  record.created_at = time_of(row.number());
  return std::optional<RequestRecord>(record);
}

}  // namespace kernmesh::store
