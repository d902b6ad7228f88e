// SPDX-License-Identifier: Apache-2.0
// What a database holds, table by table and column by column, read past the store: so nothing that
// is kept escapes a comparison, neither what the store's interface does not show (allocations,
// older policies) nor a table of a later version.
#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace kernmesh::store {

struct Tables {
  using Row = std::map<std::string, std::string>;  // values by column, each with its type
  std::string fault;                               // why not all was read
  std::map<std::string, std::vector<Row>> rows;    // by table
  bool operator==(const Tables&) const = default;
};

// What is longer than a page is kept as its length and hash.
inline std::string value_at(sqlite3_stmt* row, int column) {
  constexpr std::size_t kLong = 4096;
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(row, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
  const std::string type = std::to_string(sqlite3_column_type(row, column)) + ":";
  if (size == 0) return type;
  if (size <= kLong) return type + std::string(bytes, size);
  return type + std::to_string(size) + " bytes, " +
         std::to_string(std::hash<std::string_view>()({bytes, size}));
}

inline std::vector<Tables::Row> rows_of(sqlite3* db, const std::string& query, std::string& fault) {
  sqlite3_stmt* prepared = nullptr;
  sqlite3_prepare_v2(db, query.c_str(), -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> row(prepared, sqlite3_finalize);
  std::vector<Tables::Row> rows;
  while (sqlite3_step(row.get()) == SQLITE_ROW) {
    auto& values = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(row.get()); ++i) {
      // When a step was applied is another time after each crash.
      const std::string column = sqlite3_column_name(row.get(), i);
      if (column != "applied_at") values[column] = value_at(row.get(), i);
    }
  }
  if (sqlite3_errcode(db) != SQLITE_DONE) fault = query + ": " + sqlite3_errmsg(db);
  return rows;
}

// Through the system's own VFS, whatever is the default meanwhile (recorded_disk.h).
inline Tables tables_in(const std::string& database) {
  Tables tables;
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(database.c_str(), &opened, SQLITE_OPEN_READWRITE, "unix");
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> db(opened, sqlite3_close);
  if (code != SQLITE_OK) return {"open " + database + ": " + sqlite3_errmsg(opened), {}};
  const std::string names = "SELECT name FROM sqlite_master WHERE type = 'table'";
  for (const auto& table : rows_of(opened, names, tables.fault)) {
    const std::string name = table.at("name").substr(2);
    tables.rows[name] = rows_of(opened, "SELECT * FROM " + name, tables.fault);
  }
  return tables;
}

// Which rows or columns of `before` are not in `after`; empty when all are, as they were.
inline std::string lost(const Tables& before, const Tables& after) {
  for (const auto& [table, rows] : before.rows) {
    const auto found = after.rows.find(table);
    if (found == after.rows.end()) return "the table " + table;
    for (const auto& row : rows) {
      const auto has_it = [&](const Tables::Row& candidate) {
        return std::includes(candidate.begin(), candidate.end(), row.begin(), row.end());
      };
      if (std::any_of(found->second.begin(), found->second.end(), has_it)) continue;
      std::string text = "of the table " + table + ":";
      for (const auto& [column, value] : row) text += " " + column + "=" + value;
      return text;
    }
  }
  return "";
}

// Counts, for people.
inline std::ostream& operator<<(std::ostream& out, const Tables& tables) {
  if (!tables.fault.empty()) return out << tables.fault;
  for (const auto& [table, rows] : tables.rows) {
    out << table << ' ' << rows.size() << (&rows == &tables.rows.rbegin()->second ? "" : ", ");
  }
  return out;
}

}  // namespace kernmesh::store
