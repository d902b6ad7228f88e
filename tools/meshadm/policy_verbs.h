// SPDX-License-Identifier: Apache-2.0
// The verbs of `meshadm policy`, each in a file of its own.
#pragma once

#include "tools/meshadm/command.h"

namespace kernmesh::adm {

// Option and argument values with this type name are files; the shell completes them.
inline constexpr const char* kFileType = "FILE";

void add_policy_check(CLI::App& group, Invocation& invocation);
void add_policy_diff(CLI::App& group, Invocation& invocation);
void add_policy_explain(CLI::App& group, Invocation& invocation);
// get, set, history, revert.
void add_policy_revisions(CLI::App& group, Invocation& invocation);

}  // namespace kernmesh::adm
