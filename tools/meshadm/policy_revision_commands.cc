// SPDX-License-Identifier: Apache-2.0
// policy get, set, history, revert.
#include <algorithm>
#include <fstream>
#include <memory>
#include <thread>

#include "controller/core/policy/network_policy.h"
#include "tools/meshadm/policy_findings.h"
#include "tools/meshadm/policy_source.h"
#include "tools/meshadm/policy_verbs.h"
#include "tools/meshadm/policy_view.h"
#include "tools/meshadm/quantity.h"

namespace kernmesh::adm {
namespace {

// An agent applies a netmap within milliseconds; asking more often than this would not show more.
constexpr std::chrono::milliseconds kFirstRolloutPause{10};
constexpr std::chrono::milliseconds kMostRolloutPause{200};

struct RevisionOptions {
  std::string file;
  std::string output;
  std::uint32_t revision = 0;
  mesh::v1::SetPolicyRequest request;  // filled by the parser directly, apart from the text
  bool wait = false;
  std::string timeout = "60s";
  Consent consent = Consent::kAsk;
};

Result<Outcome> run_get(Session& session, const RevisionOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto policy, server.get_policy(options.revision));
  Document document;
  document.json = {{"policy", policy_json(policy)}};
  document.json["policy"]["text"] = policy.text();
  if (options.output.empty()) {
    // Other people wrote it: it may not steer a terminal. A program gets it byte by byte.
    const bool is_read_by_a_person = session.surroundings().out_is_tty;
    session.renderer().show_text(
        document, is_read_by_a_person ? printable_lines(policy.text()) : policy.text());
    return Outcome::kDone;
  }
  errno = 0;
  std::ofstream file(options.output, std::ios::binary);
  file << policy.text() << std::flush;
  if (!file) return Error::from_errno("write " + options.output, errno);
  document.line("Wrote revision " + std::to_string(policy.revision()) + " to " + options.output +
                ".");
  session.renderer().show(document);
  return Outcome::kDone;
}

Result<Outcome> run_history(Session& session, const RevisionOptions& /*options*/) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto policies, server.list_policies());
  session.renderer().show(history_document(policies, session.now()));
  return Outcome::kDone;
}

void show_rejected(Session& session, const PolicyText& source,
                   const policy::Diagnostics& diagnostics) {
  Document document;
  const auto findings = diagnostics.findings();
  document.json = {{"policy", nullptr}, {"findings", findings_json(findings)}};
  add_findings(document, findings, source);
  document.line(count_findings(diagnostics.error_count(), findings) + "; nothing was changed",
                Tone::kBad);
  session.renderer().show(document);
}

// Asks until nobody online lacks `version`, or the time is over; a server that cannot be reached
// meanwhile is asked again.
Result<mesh::v1::GetRolloutResponse> await_rollout(rpc::AdminClient& server,
                                                   const mesh::v1::MapVersion& version,
                                                   std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto pause = kFirstRolloutPause;
  for (;;) {
    auto rollout = server.get_rollout(version);
    const bool is_over =
        rollout ? is_complete(*rollout) : rollout.error().code() != ErrorCode::kUnavailable;
    if (is_over || std::chrono::steady_clock::now() >= deadline) return rollout;
    // The nodes tell the server, and the server has no call that waits for them: so it is asked
    // again, often at first, because a few nodes have a policy within milliseconds.
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kMostRolloutPause);
  }
}

// How much the text changes of the policy in force; nothing when that one cannot be read.
std::optional<policy::Change> change_against(const mesh::v1::Policy& in_force,
                                             const policy::AcceptedPolicy& accepted,
                                             const policy::Inventory& inventory) {
  const auto before = compile_policy({"", in_force.text()});
  if (!before) return std::nullopt;
  return policy::count_change(before->compiled, accepted.compiled, inventory);
}

Result<Outcome> put_in_force(Session& session, const PolicyText& source,
                             const RevisionOptions& options) {
  MESH_TRY_ASSIGN(const auto timeout, parse_span(options.timeout));
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto message, server.get_inventory());
  MESH_TRY_ASSIGN(const auto inventory, inventory_from(message));
  policy::Diagnostics diagnostics;
  const auto accepted = policy::accept(source.text, inventory, diagnostics);
  if (!accepted) {
    show_rejected(session, source, diagnostics);
    return Outcome::kFailed;
  }
  MESH_TRY_ASSIGN(const auto in_force, server.get_policy(0));
  auto request = options.request;
  request.set_text(source.text);
  MESH_TRY_ASSIGN(const auto response, server.set_policy(request));
  auto document = set_document(response, source, change_against(in_force, *accepted, inventory));
  if (!options.wait) {
    session.renderer().show(document);
    return Outcome::kDone;
  }
  const auto rollout = await_rollout(server, response.version(), timeout);
  if (!rollout) {
    document.json["rollout"] = nullptr;
    session.renderer().show(document);
    return rollout.error().with_context("the policy is in force, but who has it is not known");
  }
  add_rollout(document, *rollout);
  session.renderer().show(document);
  return is_complete(*rollout) ? Outcome::kDone : Outcome::kFailed;
}

Result<Outcome> run_set(Session& session, const RevisionOptions& options) {
  MESH_TRY_ASSIGN(const auto source, read_policy(session, options.file));
  return put_in_force(session, source, options);
}

Result<Outcome> run_revert(Session& session, const RevisionOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto in_force, server.get_policy(0));
  RevisionOptions put = options;
  put.revision = options.revision != 0 ? options.revision : in_force.revision() - 1;
  if (put.revision == 0) {
    return Error(ErrorCode::kNotFound, "revert the policy: there is none before revision 1");
  }
  if (put.revision == in_force.revision()) {
    return Error(ErrorCode::kConflict,
                 "revert the policy: revision " + std::to_string(put.revision) + " is in force");
  }
  const std::string name = std::to_string(put.revision);
  MESH_TRY(session.confirm("Put the text of policy revision " + name + " in force in place of " +
                               std::to_string(in_force.revision()) + "?",
                           options.consent));
  MESH_TRY_ASSIGN(const auto earlier, server.get_policy(put.revision));
  // Between the question and the answer somebody else may have set another.
  put.request.set_expected_revision(in_force.revision());
  if (put.request.comment().empty()) put.request.set_comment("revert to revision " + name);
  return put_in_force(session, {"revision " + name, earlier.text()}, put);
}

using Run = Result<Outcome> (*)(Session&, const RevisionOptions&);

CLI::App& add_revision_verb(CLI::App& group, Invocation& invocation, const CommandWords& words,
                            const std::shared_ptr<RevisionOptions>& options, Run run) {
  auto& command = add_command(group, words);
  command.callback([&invocation, options, run] {
    invocation.action = [options, run](Session& session) { return run(session, *options); };
  });
  return command;
}

void add_putting_options(CLI::App& command, RevisionOptions& options) {
  command
      .add_option_function<std::string>(
          "--comment", [&](const std::string& text) { options.request.set_comment(text); },
          "Why; shown by history")
      ->type_name("TEXT");
  command.add_flag("--wait", options.wait,
                   "Return when every node that is online has it; fail when one has not in time");
  command.add_option("--timeout", options.timeout, "How long --wait waits (60s)")
      ->check(check_span)
      ->type_name("SPAN");
}

void add_set(CLI::App& group, Invocation& invocation,
             const std::shared_ptr<RevisionOptions>& options) {
  auto& set =
      add_revision_verb(group, invocation,
                        {"set", "Put a policy in force, whole or not at all",
                         "meshadm policy set policy.hujson --comment \"web for ops\" --wait\n"
                         "meshadm policy set - --expect 7 < policy.hujson"},
                        options, run_set);
  set.add_option("file", options->file, "The policy; \"-\" is standard input")
      ->required()
      ->type_name(kFileType);
  set.add_option_function<std::uint32_t>(
         "--expect",
         [options](const std::uint32_t& revision) {
           options->request.set_expected_revision(revision);
         },
         "Fail when another revision than this is in force")
      ->type_name("REVISION")
      ->check(check_number);
  add_putting_options(set, *options);
}

}  // namespace

void add_policy_revisions(CLI::App& group, Invocation& invocation) {
  // Only the chosen verb fills it.
  const auto options = std::make_shared<RevisionOptions>();
  auto& get = add_revision_verb(group, invocation,
                                {"get", "Print the policy in force, as it was set",
                                 "meshadm policy get -o policy.hujson\n"
                                 "meshadm policy get --revision 6"},
                                options, run_get);
  get.add_option("--revision", options->revision, "An earlier one (meshadm policy history)")
      ->type_name("REVISION")
      ->check(check_number);
  get.add_option("-o,--output", options->output, "Write it to this file")->type_name(kFileType);
  add_set(group, invocation, options);
  add_revision_verb(
      group, invocation,
      {"history", "List the policies that were set, newest first", "meshadm policy history"},
      options, run_history);
  auto& revert =
      add_revision_verb(group, invocation,
                        {"revert", "Put an earlier policy in force again, as a new revision",
                         "meshadm policy revert\n"
                         "meshadm policy revert 6 --yes --wait"},
                        options, run_revert);
  revert.add_option("revision", options->revision, "Which one; else the one before")
      ->type_name("REVISION")
      ->check(check_number);
  add_putting_options(revert, *options);
  add_consent_flag(revert, options->consent);
}

}  // namespace kernmesh::adm
