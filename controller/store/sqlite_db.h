// SPDX-License-Identifier: Apache-2.0
// SQLite's C interface as owners and Results (L2, private to this folder). Not thread-safe.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::store {

// A prepared statement. Binding counts parameters up from ?1, reading counts columns from 0; both
// go on from where they were.
class Statement {
 public:
  Statement(sqlite3* db, std::string_view sql);

  Statement& bind(std::int64_t number);
  Statement& bind(std::string_view text);
  Statement& bind_blob(std::span<const std::uint8_t> bytes);

  // True: a row can be read. False: done.
  Result<bool> step();
  // Steps a statement that gives no rows.
  Status run();

  std::int64_t number();
  std::string text();
  std::string blob();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  sqlite3* db_;
  int failed_;  // SQLite's code of preparing or binding, told by step()
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int parameter_ = 0;
  int column_ = 0;
};

class Database {
 public:
  static Result<Database> open(const std::string& path);

  sqlite3* handle() const { return db_.get(); }
  // One or several statements without parameters or rows.
  Status execute(const char* sql);
  Statement prepare(std::string_view sql) { return {db_.get(), sql}; }
  // Rows that the last INSERT, UPDATE or DELETE touched.
  int changed() const { return sqlite3_changes(db_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  explicit Database(sqlite3* db) : db_(db) {}
  std::unique_ptr<sqlite3, Close> db_;
};

// kCorrupt with SQLite's words when a page, an index or a row is not what it should be.
Status check_integrity(Database& db);

// SQLite's code and words as an error of ours; see Store::commit() for the classes.
Error sqlite_error(sqlite3* db, int code);

// Rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& db) : db_(db) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  Status begin();
  Status commit();

 private:
  Database& db_;
  bool open_ = false;
};

}  // namespace kernmesh::store
