// SPDX-License-Identifier: Apache-2.0
// What acls, grants and their capabilities may not say (L1, pure).
#pragma once

#include <vector>

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"

namespace kernmesh::policy {

void check_rule(const Rule& rule, const Document& document, Diagnostics& diagnostics);

// Sources of a rule whose destination is autogroup:self. The owner of a node is a user, so that
// only sources made of users can be "the same user".
enum class AnyAsSource { kAllowed, kRefused };
void check_self_sources(const std::vector<Selector>& src, AnyAsSource any,
                        Diagnostics& diagnostics);

}  // namespace kernmesh::policy
