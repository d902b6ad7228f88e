// SPDX-License-Identifier: Apache-2.0
// What the policy verbs show of a server's answers (pure).
#pragma once

#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/core/policy/change.h"
#include "mesh/v1/admin.pb.h"
#include "tools/meshadm/document.h"
#include "tools/meshadm/policy_source.h"

namespace kernmesh::adm {

Json policy_json(const mesh::v1::Policy& policy);
Document history_document(const mesh::v1::ListPoliciesResponse& response, WallTime now);
// `change` is unknown when the policy before cannot be read.
Document set_document(const mesh::v1::SetPolicyResponse& response, const PolicyText& source,
                      const std::optional<policy::Change>& change);
// Adds who has a policy and who has not; `complete`: nobody online lacks it.
void add_rollout(Document& document, const mesh::v1::GetRolloutResponse& rollout);
bool is_complete(const mesh::v1::GetRolloutResponse& rollout);

}  // namespace kernmesh::adm
