// SPDX-License-Identifier: Apache-2.0
// What ssh rules and their tests may not say (L1, pure).
#pragma once

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"

namespace kernmesh::policy {

void check_ssh_rule(const SshRule& rule, const Document& document, Diagnostics& diagnostics);
void check_ssh_test(const SshTest& test, const Document& document, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
