// SPDX-License-Identifier: Apache-2.0
#include "controller/store/sqlite_db.h"

namespace kernmesh::store {

Error sqlite_error(sqlite3* db, int code) {
  std::string text = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
  const int extended = db == nullptr ? code : sqlite3_extended_errcode(db);
  text += " (SQLite " + std::to_string(extended) + ")";
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY) {
        return {ErrorCode::kAlreadyExists, text};
      }
      return {ErrorCode::kConflict, text};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::kCorrupt, text};
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return {ErrorCode::kExhausted, text};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return {ErrorCode::kPermissionDenied, text};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kUnavailable, text};
    default:
      return {ErrorCode::kSystem, text};
  }
}

Statement::Statement(sqlite3* db, std::string_view sql) : db_(db) {
  sqlite3_stmt* raw = nullptr;
  failed_ = sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  statement_.reset(raw);
}

Statement& Statement::bind(std::int64_t number) {
  ++parameter_;
  if (failed_ == SQLITE_OK) failed_ = sqlite3_bind_int64(statement_.get(), parameter_, number);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  ++parameter_;
  if (failed_ == SQLITE_OK) {
    failed_ = sqlite3_bind_text64(statement_.get(), parameter_, text.empty() ? "" : text.data(),
                                  text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  return *this;
}

Statement& Statement::bind_blob(std::span<const std::uint8_t> bytes) {
  ++parameter_;
  if (failed_ == SQLITE_OK) {
    // No address would be NULL and not a blob without bytes.
    const void* first = bytes.empty() ? static_cast<const void*>("") : bytes.data();
    failed_ =
        sqlite3_bind_blob64(statement_.get(), parameter_, first, bytes.size(), SQLITE_TRANSIENT);
  }
  return *this;
}

Result<bool> Statement::step() {
  column_ = 0;
  if (failed_ != SQLITE_OK) return sqlite_error(db_, failed_);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_error(db_, code);
}

Status Statement::run() {
  MESH_TRY(step());
  return {};
}

std::int64_t Statement::number() { return sqlite3_column_int64(statement_.get(), column_++); }

std::string Statement::text() {
  const auto* data = sqlite3_column_text(statement_.get(), column_);
  const int size = sqlite3_column_bytes(statement_.get(), column_++);
  return data == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(data), size);
}

std::string Statement::blob() {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column_));
  const int size = sqlite3_column_bytes(statement_.get(), column_++);
  return data == nullptr ? std::string() : std::string(data, size);
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) return sqlite_error(raw, code);
  sqlite3_extended_result_codes(raw, 0);
  return db;
}

Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(handle(), code);
  return {};
}

Status check_integrity(Database& db) {
  auto statement = db.prepare("PRAGMA integrity_check(1)");
  MESH_TRY(statement.step());
  const std::string verdict = statement.text();
  if (verdict == "ok") return {};
  return Error(ErrorCode::kCorrupt, "SQLite's integrity check says: " + verdict);
}

Transaction::~Transaction() {
  if (open_) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Status Transaction::begin() {
  MESH_TRY(db_.execute("BEGIN IMMEDIATE"));
  open_ = true;
  return {};
}

Status Transaction::commit() {
  MESH_TRY(db_.execute("COMMIT"));
  open_ = false;
  return {};
}

}  // namespace kernmesh::store
