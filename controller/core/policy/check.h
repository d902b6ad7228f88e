// SPDX-License-Identifier: Apache-2.0
// What a policy may not say although each of its words is right: names that nothing defines, and
// selectors where they mean nothing (L1, pure). Needs only the document; users and domains, which
// the network knows, are not asked for here.
#pragma once

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"

namespace kernmesh::policy {

void check(const Document& document, Diagnostics& diagnostics);

}  // namespace kernmesh::policy
