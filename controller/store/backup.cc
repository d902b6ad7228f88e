// SPDX-License-Identifier: Apache-2.0
#include "controller/store/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "controller/base/unique_fd.h"
#include "controller/store/sqlite_db.h"

namespace kernmesh::store {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using OwnedDatabase = std::unique_ptr<sqlite3, CloseDatabase>;

// All pages in one step: of one commit, and without beginning anew when the writer goes on.
Status copy_pages(const std::string& from, Database& to) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(from.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const OwnedDatabase source(raw);
  if (opened != SQLITE_OK) return sqlite_error(raw, opened);
  sqlite3_busy_timeout(raw, 5000);
  sqlite3_backup* const backup = sqlite3_backup_init(to.handle(), "main", raw, "main");
  if (backup == nullptr) return sqlite_error(to.handle(), sqlite3_errcode(to.handle()));
  const int stepped = sqlite3_backup_step(backup, -1);
  sqlite3_backup_finish(backup);
  if (stepped != SQLITE_DONE) return sqlite_error(nullptr, stepped);
  return {};
}

Status fill(const std::string& from, const std::string& to) {
  MESH_TRY_ASSIGN(Database db, Database::open(to));
  MESH_TRY(db.execute("PRAGMA synchronous=FULL"));
  MESH_TRY(copy_pages(from, db));
  return check_integrity(db);
}

}  // namespace

Status fold_sqlite_log(const std::string& path) {
  MESH_TRY_ASSIGN(Database db, Database::open(path));
  return db.execute("PRAGMA journal_mode=DELETE");
}

Status copy_sqlite_store(const std::string& from, const std::string& to) {
  if (access(from.c_str(), R_OK) != 0) return Error::from_errno("read " + from, errno);
  {
    const UniqueFd made(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made) return Error::from_errno("create " + to, errno);
  }
  auto filled = fill(from, to);
  if (filled) filled = fold_sqlite_log(to);
  if (!filled) {
    for (const char* const suffix : {"", "-journal", "-wal", "-shm"}) {
      ::unlink((to + suffix).c_str());
    }
    return filled.error().with_context("copy the database " + from);
  }
  const UniqueFd file(::open(to.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || fsync(file.get()) != 0) return Error::from_errno("fsync " + to, errno);
  return {};
}

}  // namespace kernmesh::store
