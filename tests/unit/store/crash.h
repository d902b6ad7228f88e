// SPDX-License-Identifier: Apache-2.0
// Stores on a disk that is recorded, and what a crash after any of its operations leaves of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "controller/store/sqlite_store.h"
#include "tests/unit/store/crashed_disk.h"
#include "tests/unit/store/tables.h"

namespace kernmesh::store {

// A folder of its own, in memory: the disk that is tested is the recorded one.
class Folder {
 public:
  Folder() {
    char name[] = "/dev/shm/kernmesh-crash-XXXXXX";
    if (mkdtemp(name) != nullptr) path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string database() const { return path_ + "/server.db"; }
  void fill(const std::map<std::string, std::string>& files) const {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
    for (const auto& [name, content] : files) std::ofstream(path_ + "/" + name) << content;
  }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::ifstream file(entry.path(), std::ios::binary);
      files[entry.path().filename()] = std::string(std::istreambuf_iterator<char>(file), {});
    }
    return files;
  }

 private:
  std::string path_;
};

// What `store` holds, which has `folder`'s database open.
inline Tables held_by(Store& store, const Folder& folder) {
  const auto contents = store.load();
  if (!contents) return {"not loaded: " + contents.error().message(), {}};
  return tables_in(folder.database());
}

struct Recording {
  std::vector<DiskOperation> operations;
  std::vector<std::size_t> acknowledged;  // operations that were done when commit N returned
  std::vector<Tables> held;               // after N commits
};

// Opens what `folder` holds and commits `commits`.
inline Recording record(const Folder& folder, const std::vector<Commit>& commits) {
  Recording recording;
  RecordedDisk disk;
  {
    const auto store = open_sqlite_store(folder.database());
    EXPECT_TRUE(store) << store.error().message();
    if (!store) return recording;
    recording.held.push_back(held_by(**store, folder));
    for (const auto& commit : commits) {
      const auto status = (*store)->commit(commit);
      EXPECT_TRUE(status) << status.error().message();
      recording.acknowledged.push_back(disk.operations().size());
      recording.held.push_back(held_by(**store, folder));
    }
  }
  recording.operations = disk.operations();
  return recording;
}

inline bool is_long() {
  const char* const word = std::getenv("KERNMESH_LONG");
  return word != nullptr && *word != '\0';
}

// Every point where the log or the database is synced, its neighbours, and each `stride`th of the
// others; all of them with --long.
inline bool is_looked_at(const std::vector<DiskOperation>& operations, std::size_t point,
                         std::size_t stride) {
  if (is_long()) return true;
  const auto notable = [&](std::size_t at) {
    return at < operations.size() && operations[at].kind != DiskOperation::Kind::kWrite;
  };
  return point % stride == 0 || notable(point) || notable(point + 1) || notable(point - 1);
}

// Crashes after each operation, opens what is left, and compares: what was acknowledged is there,
// and the commit that was under way whole or not at all. Counts the crashes; ends with the first
// that lost something.
inline int crash_everywhere(const Recording& recording, std::map<std::string, std::string> before,
                            std::size_t stride) {
  Folder folder;
  CrashedDisk disk(std::move(before));
  std::mt19937 random(20261122);
  std::size_t acknowledged = 0;
  int crashes = 0;
  for (std::size_t point = 0; point < recording.operations.size(); ++point) {
    disk.apply(recording.operations[point]);
    while (acknowledged < recording.acknowledged.size() &&
           recording.acknowledged[acknowledged] <= point + 1) {
      ++acknowledged;
    }
    if (!is_looked_at(recording.operations, point, stride)) continue;
    for (const auto fate : {Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn}) {
      folder.fill(disk.files(fate, random));
      const auto store = open_sqlite_store(folder.database());
      if (!store) {
        ADD_FAILURE() << "after operation " << point << ": " << store.error().message();
        return crashes;
      }
      const Tables found = held_by(**store, folder);
      const Tables& expected = recording.held[acknowledged];
      const auto next = std::min(acknowledged + 1, recording.held.size() - 1);
      if (!(found == expected || found == recording.held[next])) {
        ADD_FAILURE() << "after operation " << point << " of " << recording.operations.size()
                      << " with " << acknowledged << " commits acknowledged, fate "
                      << static_cast<int>(fate) << ": " << found << "\nexpected " << expected
                      << "\nlacks " << lost(expected, found);
        return crashes;
      }
      ++crashes;
    }
  }
  return crashes;
}

}  // namespace kernmesh::store
