// SPDX-License-Identifier: Apache-2.0
#include "controller/server/stored_policy.h"

#include <spdlog/spdlog.h>

#include "controller/core/policy/parse.h"

namespace kernmesh::server {
namespace {

std::string findings_of(const policy::Diagnostics& diagnostics) {
  std::string text;
  for (const auto& finding : diagnostics.findings()) {
    if (finding.severity != policy::Severity::kError) continue;
    text += "\n  " + policy::to_string(finding, "policy");
  }
  return text;
}

// Stores a policy above the newest one.
Status store_policy(store::Store& store, store::Contents& contents, std::string text,
                    store::PolicyHead head) {
  head.revision =
      PolicyRevision(contents.policies.empty() ? 1 : contents.policies.back().revision.value() + 1);
  head.author = "server";
  store::Commit commit;
  commit.audience = store::Audience::kNetwork;
  commit.audit = {{head.created_at, "server", "policy.set", "policy " + to_string(head.revision),
                   head.comment}};
  commit.puts.emplace_back(store::PolicyRecord{head, text, {}});
  MESH_TRY(store.commit(commit));
  MESH_TRY_ASSIGN(contents, store.load());
  return {};
}

}  // namespace

const std::string_view kEverybodyPolicy =
    R"(// This network is older than its policies, so everybody reaches everybody, as it was.
// The language: docs/policy.md. Change it with `meshadm policy set FILE`.
{
  "acls": [
    {"action": "accept", "src": ["*"], "dst": ["*:*"]},
  ],
}
)";

policy::AcceptedPolicy numbered(const policy::AcceptedPolicy& policy, PolicyRevision revision) {
  policy::CompiledPolicy compiled = *policy.compiled;
  compiled.revision = revision.value();
  return {policy.document, std::make_shared<const policy::CompiledPolicy>(std::move(compiled))};
}

Result<policy::AcceptedPolicy> read_policy(std::string_view text, PolicyRevision revision) {
  policy::Diagnostics diagnostics;
  auto document = policy::parse(text, diagnostics);
  if (!document) {
    return Error(ErrorCode::kInvalid, std::to_string(diagnostics.error_count()) +
                                          " error(s):" + findings_of(diagnostics));
  }
  MESH_TRY_ASSIGN(auto compiled, policy::compile(*document));
  compiled.revision = revision.value();
  return policy::AcceptedPolicy{
      std::make_shared<const policy::Document>(std::move(*document)),
      std::make_shared<const policy::CompiledPolicy>(std::move(compiled))};
}

store::PolicyRecord starter_policy(WallTime now) {
  store::PolicyRecord record;
  record.head = {PolicyRevision(1), now, "server", "starter policy"};
  record.text = policy::kStarterPolicy;
  return record;
}

Result<policy::AcceptedPolicy> open_policy(store::Store& store, store::Contents& contents,
                                           std::string_view replacement, WallTime now) {
  if (!replacement.empty() && replacement != contents.policy_text) {
    const auto readable = read_policy(replacement, {});
    if (!readable) return readable.error().with_context("read the policy to start with");
    MESH_TRY(store_policy(store, contents, std::string(replacement),
                          {{}, now, {}, "given at the start"}));
    spdlog::warn("policy {} was given at the start and is in force",
                 to_string(contents.policies.back().revision));
  }
  if (contents.policies.empty()) {
    MESH_TRY(store_policy(store, contents, std::string(kEverybodyPolicy),
                          {{}, now, {}, "as before there were policies"}));
    spdlog::warn(
        "this network had no policy: policy 1 lets everybody reach everybody, as it was before "
        "(meshadm policy set FILE changes it)");
  }
  const auto revision = contents.policies.back().revision;
  auto policy = read_policy(contents.policy_text, revision);
  if (policy) return policy;
  return Error(policy.error().code(),
               "policy " + to_string(revision) +
                   " of this network is not one that this version can put in force, and to start "
                   "without it would open or cut connections: run the version that stored it, or "
                   "start once with --policy FILE to replace it; " +
                   policy.error().message());
}

}  // namespace kernmesh::server
