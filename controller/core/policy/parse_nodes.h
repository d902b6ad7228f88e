// SPDX-License-Identifier: Apache-2.0
// The sections `autoApprovers` and `nodeAttrs` of a policy: what it says of nodes beside who
// reaches them (L1, pure).
#pragma once

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/hujson.h"

namespace kernmesh::policy {

void read_auto_approvers(const JsonValue& approvers, Document& document, Diagnostics& diagnostics);
void read_node_attributes(const JsonValue& list, Document& document, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
