// SPDX-License-Identifier: Apache-2.0
// policy check.
#include <memory>

#include "controller/core/policy/network_policy.h"
#include "tools/meshadm/policy_findings.h"
#include "tools/meshadm/policy_source.h"
#include "tools/meshadm/policy_verbs.h"

namespace kernmesh::adm {
namespace {

struct CheckOptions {
  std::string file;
  std::string inventory;
};

Result<Outcome> run_check(Session& session, const CheckOptions& options) {
  MESH_TRY_ASSIGN(const auto source, read_policy(session, options.file));
  MESH_TRY_ASSIGN(const auto inventory, read_network(session, options.inventory));
  policy::Diagnostics diagnostics;
  const auto accepted = policy::accept(source.text, inventory, diagnostics);
  const auto findings = diagnostics.findings();
  const std::size_t rules = accepted ? accepted->document->rules.size() : 0;
  const std::size_t expectations = accepted ? accepted->expectations : 0;
  Document document;
  document.json = {{"accepted", accepted.has_value()},
                   {"errors", diagnostics.error_count()},
                   {"rules", accepted ? Json(rules) : Json()},
                   {"expectations", accepted ? Json(expectations) : Json()},
                   {"findings", findings_json(findings)}};
  add_findings(document, findings, source);
  const std::string counts = count_findings(diagnostics.error_count(), findings);
  if (!accepted) {
    document.line(counts, Tone::kBad);
  } else {
    std::string ok = ": " + counted(rules, "rule");
    if (expectations > 0) {
      ok += ", " + counted(expectations, "test") + (expectations == 1 ? " holds" : " hold");
    }
    document.blocks.emplace_back(
        Line{{{"OK", Tone::kGood}, {ok + (counts.empty() ? "" : "; " + counts)}}});
  }
  session.renderer().show(document);
  return accepted ? Outcome::kDone : Outcome::kFailed;
}

}  // namespace

void add_policy_check(CLI::App& group, Invocation& invocation) {
  auto& command = add_command(
      group, {"check", "Find what is wrong with a policy file, and run its tests; change nothing",
              "meshadm policy check policy.hujson\n"
              "meshadm policy check policy.hujson --inventory network.json\n"
              "git show HEAD:policy.hujson | meshadm policy check -"});
  auto options = std::make_shared<CheckOptions>();
  command.add_option("file", options->file, "The policy; \"-\" is standard input")
      ->required()
      ->type_name(kFileType);
  command
      .add_option("--inventory", options->inventory,
                  "Check against this network (docs/policy.md, \"Offline\"), not the server's")
      ->type_name(kFileType);
  command.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_check(session, *options); };
  });
}

}  // namespace kernmesh::adm
