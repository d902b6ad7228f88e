// SPDX-License-Identifier: Apache-2.0
// The schema as numbered steps (L2, private to this folder).
#pragma once

#include "controller/store/sqlite_db.h"

namespace kernmesh::store {

// The number of the newest step that this program knows.
int newest_schema();

// Applies the steps that the database lacks, each in a transaction of its own. kUnsupported when
// the database has steps that this program does not know.
Status migrate(Database& db);

}  // namespace kernmesh::store
