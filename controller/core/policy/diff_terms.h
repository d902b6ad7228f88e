// SPDX-License-Identifier: Apache-2.0
// What a rule gives besides plain reaching, in the words in which a difference of policies is told
// (L1, pure): the way it takes, a capability, a login.
#pragma once

#include <string>
#include <vector>

#include "controller/core/policy/compiled.h"

namespace kernmesh::policy {

// "via tag:router"; empty for a rule that needs no way.
std::string via_terms(const CompiledRule& rule);
// "capability example.com/cap/files [...]" for each, and "SSH as root after a check every 43200 s"
// for each kind of user. None for a rule that is about packets alone.
std::vector<std::string> grant_terms(const CompiledRule& rule);

}  // namespace kernmesh::policy
