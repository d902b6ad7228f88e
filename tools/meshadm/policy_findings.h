// SPDX-License-Identifier: Apache-2.0
// Findings about a policy as a compiler shows them, each with the line it stands in (pure).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/core/policy/diagnostic.h"
#include "mesh/v1/admin.pb.h"
#include "tools/meshadm/document.h"
#include "tools/meshadm/policy_source.h"

namespace kernmesh::adm {

using Findings = std::vector<policy::Finding>;

// {"severity", "kind", "line", "column", "message"} each.
Json findings_json(const Findings& findings);
// Each finding, the line it stands in, and a caret below the column.
void add_findings(Document& document, const Findings& findings, const PolicyText& source);
// The line that a position is in, without its end; empty when there is none.
std::string_view line_at(std::string_view text, std::uint32_t line);
// "2 errors, 1 warning"; `errors` may be more than the findings hold.
std::string count_findings(std::size_t errors, const Findings& findings);
// "1 rule", "2 rules".
std::string counted(std::size_t count, const std::string& noun);

// What the server found.
policy::Finding finding_from(const mesh::v1::PolicyFinding& message);

}  // namespace kernmesh::adm
