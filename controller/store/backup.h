// SPDX-License-Identifier: Apache-2.0
// Copies of a store's file while somebody uses it (L2).
#pragma once

#include <string>

#include "controller/base/result.h"

namespace kernmesh::store {

// The database as of one commit, in one file (0600) that must not exist yet; readers and the writer
// of `from` go on. Durable and checked by SQLite's integrity check when it returns. kNotFound
// without `from`, kAlreadyExists with `to`, else as open_sqlite_store(); after an error there is no
// `to`.
Status copy_sqlite_store(const std::string& from, const std::string& to);

// Everything back into the one file, which can then be read from where nothing may be written.
// Nobody may have it open.
Status fold_sqlite_log(const std::string& path);

}  // namespace kernmesh::store
