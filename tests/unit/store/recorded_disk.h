// SPDX-License-Identifier: Apache-2.0
// A VFS for SQLite that passes everything on to the system's and notes what changes files, so that
// a test can tell what a disk would hold after a crash at any point; and that refuses what a test
// says. It is SQLite's default while it lives, so the store under test knows nothing of it. One at
// a time, one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace kernmesh::store {

struct DiskOperation {
  enum class Kind { kWrite, kTruncate, kSync, kDelete };
  Kind kind;
  std::string file;         // its name without the directory
  std::int64_t offset = 0;  // of a write; the new size for kTruncate
  std::string bytes;        // of a write
  bool failed = false;      // refused by the test; of a write the first half was done all the same
};

class RecordedDisk;

// The system's file lies behind it in the same memory.
struct RecordedFile : sqlite3_file {
  RecordedDisk* disk;
  std::string name;
  sqlite3_file* system() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

// A method that is the system's.
template <auto Method>
struct Passed;
template <typename Answer, typename... Arguments,
          Answer (*sqlite3_io_methods::*Method)(sqlite3_file*, Arguments...)>
struct Passed<Method> {
  static Answer on(sqlite3_file* file, Arguments... arguments) {
    sqlite3_file* system = static_cast<RecordedFile*>(file)->system();
    return (system->pMethods->*Method)(system, arguments...);
  }
};

class RecordedDisk {
 public:
  // SQLITE_OK, or with which of SQLite's codes the operation ends.
  using Refuse = std::function<int(const DiskOperation&)>;

  explicit RecordedDisk(Refuse refuse = {})
      : refuse_(std::move(refuse)), system_(sqlite3_vfs_find(nullptr)) {
    vfs_ = *system_;
    vfs_.zName = "recorded";
    vfs_.pNext = nullptr;
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + system_->szOsFile;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    sqlite3_vfs_register(&vfs_, 1);
  }
  RecordedDisk(const RecordedDisk&) = delete;
  RecordedDisk& operator=(const RecordedDisk&) = delete;
  ~RecordedDisk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(system_, 1);
  }

  const std::vector<DiskOperation>& operations() const { return operations_; }

 private:
  using Kind = DiskOperation::Kind;

  using File = RecordedFile;
  static File& ours(sqlite3_file* file) { return *static_cast<File*>(file); }
  static RecordedDisk& disk_of(sqlite3_vfs* vfs) {
    return *static_cast<RecordedDisk*>(vfs->pAppData);
  }
  static std::string name_of(const char* path) {
    const std::string_view whole = path == nullptr ? "" : path;
    return std::string(whole.substr(whole.rfind('/') + 1));
  }

  int note(DiskOperation operation) {
    const int code = refuse_ ? refuse_(operation) : SQLITE_OK;
    operation.failed = code != SQLITE_OK;
    operations_.push_back(std::move(operation));
    return code;
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* memory, int flags, int* out) {
    auto* file = new (memory) File;
    file->pMethods = nullptr;
    file->disk = &disk_of(vfs);
    file->name = name_of(path);
    sqlite3_vfs* system = file->disk->system_;
    const int code = system->xOpen(system, path, file->system(), flags, out);
    if (file->system()->pMethods != nullptr) {
      file->pMethods = &kMethods;
    } else {
      file->~File();
    }
    return code;
  }
  static int remove(sqlite3_vfs* vfs, const char* path, int sync) {
    RecordedDisk& disk = disk_of(vfs);
    if (const int code = disk.note({Kind::kDelete, name_of(path), 0, {}}); code != SQLITE_OK) {
      return code;
    }
    return disk.system_->xDelete(disk.system_, path, sync);
  }
  static int close(sqlite3_file* file) {
    const int code = ours(file).system()->pMethods->xClose(ours(file).system());
    ours(file).~File();
    return code;
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const auto* bytes = static_cast<const char*>(data);
    sqlite3_file* system = ours(file).system();
    const int code = ours(file).disk->note(
        {Kind::kWrite, ours(file).name, offset, std::string(bytes, bytes + size)});
    if (code == SQLITE_OK) return system->pMethods->xWrite(system, data, size, offset);
    system->pMethods->xWrite(system, data, size / 2, offset);
    return code;
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    const int code = ours(file).disk->note({Kind::kTruncate, ours(file).name, size, {}});
    if (code != SQLITE_OK) return code;
    return ours(file).system()->pMethods->xTruncate(ours(file).system(), size);
  }
  // Not passed on: no crash of this machine is to be survived.
  static int sync(sqlite3_file* file, int) {
    return ours(file).disk->note({Kind::kSync, ours(file).name, 0, {}});
  }

  using M = sqlite3_io_methods;
  static constexpr M kMethods{
      .iVersion = 2,  // without memory-mapped pages, which nobody could note
      .xClose = close,
      .xRead = Passed<&M::xRead>::on,
      .xWrite = write,
      .xTruncate = truncate,
      .xSync = sync,
      .xFileSize = Passed<&M::xFileSize>::on,
      .xLock = Passed<&M::xLock>::on,
      .xUnlock = Passed<&M::xUnlock>::on,
      .xCheckReservedLock = Passed<&M::xCheckReservedLock>::on,
      .xFileControl = Passed<&M::xFileControl>::on,
      .xSectorSize = Passed<&M::xSectorSize>::on,
      .xDeviceCharacteristics = Passed<&M::xDeviceCharacteristics>::on,
      .xShmMap = Passed<&M::xShmMap>::on,
      .xShmLock = Passed<&M::xShmLock>::on,
      .xShmBarrier = Passed<&M::xShmBarrier>::on,
      .xShmUnmap = Passed<&M::xShmUnmap>::on,
      .xFetch = nullptr,
      .xUnfetch = nullptr,
  };

  Refuse refuse_;
  sqlite3_vfs* system_;
  sqlite3_vfs vfs_;
  std::vector<DiskOperation> operations_;
};

}  // namespace kernmesh::store
