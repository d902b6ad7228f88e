// SPDX-License-Identifier: Apache-2.0
#include "controller/server/backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "controller/server/first_start.h"
#include "controller/server/state_dir.h"
#include "controller/store/backup.h"
#include "controller/store/sqlite_store.h"

namespace kernmesh::server {
namespace {

namespace fs = std::filesystem;

// Beside the database. A server that was given a certificate has no authority of its own.
struct KeptFile {
  const char* name;
  FileMode mode;
};
constexpr std::array kKept = {
    KeptFile{"ca.key", FileMode::kPrivate}, KeptFile{"ca.crt", FileMode::kPublic},
    KeptFile{"ticket.key", FileMode::kPrivate}, KeptFile{"admin.token", FileMode::kPrivate}};
// Made anew from the rest, or part of the database that goes.
constexpr std::array kDerived = {"server.key", "server.crt", "server.db-wal", "server.db-shm",
                                 "server.db-journal"};

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }
std::string in(const std::string& directory, const char* name) { return directory + "/" + name; }

Status make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0) return Error::from_errno("make " + path, errno);
  return {};
}

Status move(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return Error::from_errno("move " + from + " to " + to, errno);
  }
  return {};
}

Result<store::Contents> read_network(const std::string& database) {
  MESH_TRY_ASSIGN(const auto store, store::open_sqlite_store(database));
  MESH_TRY_ASSIGN(auto contents, store->load());
  if (!contents.meta) return Error(ErrorCode::kCorrupt, database + " holds no network");
  return contents;
}

BackupContents summary(const store::Contents& contents) {
  return {{contents.meta->epoch, contents.network_revision},
          contents.users.size(),
          contents.nodes.size(),
          contents.relays.size(),
          contents.policies.empty() ? PolicyRevision() : contents.policies.back().revision};
}

Status copy_kept(const std::string& from, const std::string& to) {
  for (const auto& file : kKept) {
    if (!exists(in(from, file.name))) continue;
    MESH_TRY_ASSIGN(const std::string content, read_file(in(from, file.name)));
    MESH_TRY(write_file(in(to, file.name), content, file.mode));
  }
  return {};
}

// Leaves nothing of a directory that was not moved to its place.
class Staged {
 public:
  explicit Staged(std::string path) : path_(std::move(path)) {}
  ~Staged() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Staged(const Staged&) = delete;
  Staged& operator=(const Staged&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// An epoch that no node can hold yet.
Status raise_epoch(store::Store& store, store::Contents& contents, Epoch replaced, WallTime now) {
  const auto seconds =
      static_cast<std::uint64_t>(std::max<std::int64_t>(now.time_since_epoch().count(), 0));
  const auto next = std::max({contents.meta->epoch.value() + 1, replaced.value() + 1, seconds});
  store::Commit commit;
  contents.meta->epoch = Epoch(next);
  commit.puts.emplace_back(*contents.meta);
  commit.audit = {{now, "administrator", kRestoreAction, "epoch " + std::to_string(next), ""}};
  commit.audience = store::Audience::kNetwork;
  MESH_TRY(store.commit(commit));
  MESH_TRY_ASSIGN(contents, store.load());
  return {};
}

// 0 when there is none that can be read: the clock's is beyond it all the same.
Epoch epoch_of(const std::string& database) {
  if (!exists(database)) return {};
  const auto contents = read_network(database);
  return contents ? contents->meta->epoch : Epoch();
}

// Of a restore that was cut short in this directory: what it has put aside is not looked at again.
Epoch interrupted_epoch(const StateDir& state) {
  const auto text = state.read(kRestoringFile);
  std::uint64_t epoch = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), epoch);
  return Epoch(epoch);
}

// Without it the server starts with whatever is there; with it not at all.
Status begin_moving(const StateDir& state, Epoch epoch) {
  const std::string marker = state.path_of(kRestoringFile);
  std::error_code ignored;
  if (fs::is_directory(marker, ignored)) fs::remove_all(marker, ignored);
  return state.write(kRestoringFile, to_string(epoch) + "\n", FileMode::kPrivate);
}

Status end_moving(const std::string& state_dir) {
  MESH_TRY(give_to_owner_of(state_dir));
  MESH_TRY(sync_directory(state_dir));
  const std::string marker = in(state_dir, kRestoringFile);
  if (unlink(marker.c_str()) != 0) return Error::from_errno("remove " + marker, errno);
  return sync_directory(state_dir);
}

// Moves what a restore replaces to a directory beside it; its path, or "" when there was nothing.
Result<std::string> put_aside(const StateDir& state, WallTime now) {
  std::vector<std::string> names(kDerived.begin(), kDerived.end());
  for (const auto& file : kKept) names.emplace_back(file.name);
  names.emplace_back(kStoreFile);
  std::erase_if(names, [&](const auto& name) { return !exists(state.path_of(name)); });
  if (names.empty()) return std::string();
  const auto stem = state.path_of("replaced-" + std::to_string(now.time_since_epoch().count()));
  std::string aside = stem;
  for (int i = 2; exists(aside); ++i) aside = stem + "-" + std::to_string(i);
  MESH_TRY(make_directory(aside));
  for (const auto& name : names) MESH_TRY(move(state.path_of(name), aside + "/" + name));
  return aside;
}

}  // namespace

Result<BackupContents> back_up(const std::string& state_dir, const std::string& target) {
  const std::string place = without_slash(target);
  if (exists(place)) {
    return Error(ErrorCode::kAlreadyExists, place + " is there already: give another directory");
  }
  const std::string database = in(state_dir, kStoreFile);
  if (!exists(database)) {
    return Error(ErrorCode::kNotFound,
                 "there is no " + database + ": give the server's --state-dir");
  }
  MESH_TRY(check_restored(state_dir));
  const Staged staged(place + ".partial");
  std::error_code ignored;
  fs::remove_all(staged.path(), ignored);
  MESH_TRY(make_directory(staged.path()));
  MESH_TRY(copy_kept(state_dir, staged.path()));
  MESH_TRY(store::copy_sqlite_store(database, in(staged.path(), kStoreFile)));
  MESH_TRY_ASSIGN(const auto contents, read_network(in(staged.path(), kStoreFile)));
  MESH_TRY(store::fold_sqlite_log(in(staged.path(), kStoreFile)));
  MESH_TRY(sync_directory(staged.path()));
  MESH_TRY(move(staged.path(), place));
  MESH_TRY(sync_directory(fs::absolute(place).parent_path()));
  return summary(contents);
}

Result<Restored> restore(const std::string& source, const std::string& state_dir, WallTime now) {
  const std::string backup = in(without_slash(source), kStoreFile);
  if (!exists(backup)) {
    return Error(ErrorCode::kNotFound, "there is no " + backup + ": give a backup's directory");
  }
  MESH_TRY_ASSIGN(const StateDir state, StateDir::open(state_dir));
  const Staged staged(state.path_of("restoring.partial"));
  std::error_code ignored;
  fs::remove_all(staged.path(), ignored);
  MESH_TRY(make_directory(staged.path()));
  const std::string database = in(staged.path(), kStoreFile);
  MESH_TRY(copy_kept(without_slash(source), staged.path()));
  MESH_TRY(store::copy_sqlite_store(backup, database));
  Restored restored;
  {
    MESH_TRY_ASSIGN(auto contents, read_network(database));
    MESH_TRY_ASSIGN(const auto store, store::open_sqlite_store(database));
    const auto replaced = std::max(epoch_of(state.path_of(kStoreFile)), interrupted_epoch(state));
    MESH_TRY(raise_epoch(*store, contents, replaced, now));
    restored.contents = summary(contents);
  }
  MESH_TRY(sync_directory(staged.path()));
  MESH_TRY(begin_moving(state, restored.contents.version.epoch));
  MESH_TRY_ASSIGN(restored.replaced, put_aside(state, now));
  for (const auto& file : kKept) {
    if (!exists(in(staged.path(), file.name))) continue;
    MESH_TRY(move(in(staged.path(), file.name), state.path_of(file.name)));
  }
  MESH_TRY(move(database, state.path_of(kStoreFile)));
  MESH_TRY(end_moving(state_dir));
  return restored;
}

}  // namespace kernmesh::server
