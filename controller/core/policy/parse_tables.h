// SPDX-License-Identifier: Apache-2.0
// The sections of a policy that define names for its rules (L1, pure). A name whose definition is
// faulty is defined all the same, so that one fault is one error.
#pragma once

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"
#include "controller/core/policy/hujson.h"

namespace kernmesh::policy {

void read_groups(const JsonValue& groups, Document& document, Diagnostics& diagnostics);
void read_hosts(const JsonValue& hosts, Document& document, Diagnostics& diagnostics);
void read_ipsets(const JsonValue& ipsets, Document& document, Diagnostics& diagnostics);
void read_tag_owners(const JsonValue& owners, Document& document, Diagnostics& diagnostics);
void read_postures(const JsonValue& postures, Document& document, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
