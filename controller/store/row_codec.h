// SPDX-License-Identifier: Apache-2.0
// How values stand in columns (L2, private to this folder): see migrations.cc for the forms.
#pragma once

#include <algorithm>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/store/record.h"
#include "controller/store/removal.h"
#include "controller/store/sqlite_db.h"

namespace kernmesh::store {

inline std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }
inline std::int64_t seconds_of(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime time_of(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }
inline std::uint64_t unsigned_of(std::int64_t number) { return static_cast<std::uint64_t>(number); }

inline Status replaced(Database& db, std::string_view what, std::uint64_t id) {
  if (db.changed() == 1) return {};
  return Error(ErrorCode::kConflict,
               std::string(what) + " " + std::to_string(id) + " was changed meanwhile");
}

template <typename Item>
std::string join(const std::vector<Item>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : " ") + to_string(item);
  return text;
}

inline std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

inline std::vector<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

template <typename Item>
Result<std::vector<Item>> split(const std::string& text) {
  std::vector<Item> items;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    auto item = Item::parse(word);
    if (!item) return Error(ErrorCode::kCorrupt, item.error().message());
    items.push_back(*item);
  }
  return items;
}

inline Status read_bytes(Statement& row, std::span<std::uint8_t> target) {
  const std::string blob = row.blob();
  if (blob.size() != target.size()) {
    return Error(ErrorCode::kCorrupt, "a key has " + std::to_string(blob.size()) + " bytes");
  }
  std::copy(blob.begin(), blob.end(), target.begin());
  return {};
}

template <typename Key>
Result<Key> read_key(Statement& row) {
  std::array<std::uint8_t, Key::kSize> bytes{};
  MESH_TRY(read_bytes(row, bytes));
  return Key(bytes);
}

// Runs `read` for each row of `sql`, and says which row of what was corrupt.
template <typename Read>
Status each_row(Database& db, std::string_view sql, const Read& read) {
  auto row = db.prepare(sql);
  for (int number = 1;; ++number) {
    MESH_TRY_ASSIGN(const bool more, row.step());
    if (!more) return {};
    const Status status = read(row);
    if (!status) {
      return status.error().with_context("row " + std::to_string(number) + " of " +
                                         std::string(sql.substr(sql.rfind("FROM "))));
    }
  }
}

template <typename Id>
Status remove_from(Database& db, std::string_view sql, std::string_view what,
                   const Removal<Id>& removal) {
  MESH_TRY(db.prepare(sql)
               .bind(signed_of(removal.id.value()))
               .bind(signed_of(removal.written.value()))
               .run());
  return replaced(db, what, removal.id.value());
}

}  // namespace kernmesh::store
