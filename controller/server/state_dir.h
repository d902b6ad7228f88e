// SPDX-License-Identifier: Apache-2.0
// The server's directory (L3): one process at a time, files written whole or not at all.
#pragma once

#include <string>

#include "controller/base/result.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::server {

enum class FileMode { kPrivate = 0600, kPublic = 0644 };

class StateDir {
 public:
  // Makes the directory (0700) when it is missing and locks it. kConflict when another process has
  // the lock; kPermissionDenied when it cannot be written.
  static Result<StateDir> open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }
  // kNotFound when there is none.
  Result<std::string> read(const std::string& name) const;
  // Durable when it returns: temporary file, fsync, rename, fsync of the directory.
  Status write(const std::string& name, const std::string& content, FileMode mode) const;

 private:
  StateDir(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

// Of any file, e.g. a certificate that was given on the command line.
Result<std::string> read_file(const std::string& path);
// Durable, apart from the directory's entry, when it returns. Whatever was at `path` is replaced.
Status write_file(const std::string& path, const std::string& content, FileMode mode);
Status sync_directory(const std::string& path);
// What root has put into the directory becomes its owner's, so that a server that runs as somebody
// else can use it.
Status give_to_owner_of(const std::string& directory);

}  // namespace kernmesh::server
