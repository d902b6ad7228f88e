// SPDX-License-Identifier: Apache-2.0
// The sections `tests` and `sshTests` of a policy (L1, pure). Names in `tests` are left unread:
// what is wrong in them is a test that fails.
#pragma once

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/hujson.h"

namespace kernmesh::policy {

void read_tests(const JsonValue& list, Document& document, Diagnostics& diagnostics);
void read_ssh_tests(const JsonValue& list, Document& document, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
