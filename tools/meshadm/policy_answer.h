// SPDX-License-Identifier: Apache-2.0
// What a policy makes of a network, as JSON: the answers of `meshadm policy compile` (pure).
// docs/policy.md describes them.
#pragma once

#include <string>

#include "tools/meshadm/document.h"

namespace kernmesh::adm {

// Reads one request (`id`, `policy`, and a network as inventory_json.h reads it) and answers it. A
// request that is no JSON or no network is answered by an object with `error` of kind "request".
Json answer_compile(const std::string& request);

}  // namespace kernmesh::adm
