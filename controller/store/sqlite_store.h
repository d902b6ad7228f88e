// SPDX-License-Identifier: Apache-2.0
// Store in one SQLite file (L2): write-ahead log, synchronous=FULL, so that what commit() has
// acknowledged survives kill -9 and power loss. One process at a time; the caller sees to that.
#pragma once

#include <memory>
#include <string>

#include "controller/store/store.h"

namespace kernmesh::store {

// Opens or creates the file and brings its schema up to date. Refuses, and leaves the file as it
// is: kCorrupt when the file is not a database or fails SQLite's integrity check; kUnsupported when
// a newer version wrote it; kPermissionDenied when file or directory cannot be written; kExhausted
// when the disk is full.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path);

}  // namespace kernmesh::store
