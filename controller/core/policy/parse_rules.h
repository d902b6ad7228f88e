// SPDX-License-Identifier: Apache-2.0
// The sections `acls` and `grants` of a policy, and lists of capabilities (L1, pure).
#pragma once

#include <vector>

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/hujson.h"

namespace kernmesh::policy {

// Both append to `rules`, and set has_rules_key.
void read_acls(const JsonValue& acls, Document& document, Diagnostics& diagnostics);
void read_grants(const JsonValue& grants, Document& document, Diagnostics& diagnostics);

// {"example.com/cap/x": [...], ...}
std::vector<AppCapability> read_app(const JsonValue& app, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
