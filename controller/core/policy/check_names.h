// SPDX-License-Identifier: Apache-2.0
// Whether the names that a policy uses are defined in it (L1, pure).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/document.h"

namespace kernmesh::policy {

// Reports a group, tag, host or ipset that the document does not define.
void check_defined(const Selector& selector, const Document& document, Diagnostics& diagnostics);

// Reports names of postures that the document does not define.
void check_postures(const std::vector<Located>& names, const Document& document,
                    Diagnostics& diagnostics);

// Whether it means people, or nodes by who they are: users, groups, tags, roles; no address, and
// none of the autogroups that mean something only as a source or a destination of traffic.
bool names_somebody(const Selector& selector);

// "the autogroup \"autogroup:self\"", "the tag \"tag:web\"", for messages.
std::string described(const Selector& selector);

}  // namespace kernmesh::policy
