// SPDX-License-Identifier: Apache-2.0
// lock status, push; what the verbs of the group have in common.
#include "tools/meshadm/lock_signer.h"
#include "tools/meshadm/lock_verbs.h"
#include "tools/meshadm/lock_view.h"

#include "controller/rpc/convert.h"

namespace kernmesh::adm {
namespace {

Result<LockNetwork> network_of(Session& session) {
  MESH_TRY_ASSIGN(auto server, session.server());
  return read_lock(server);
}

Result<mesh::v1::LockShowResponse> lock_here(Session& session) {
  MESH_TRY_ASSIGN(auto agent, session.agent());
  return agent.lock_show();
}

// A node has no token as a rule, and an administrator's machine no agent: either is enough.
Result<Outcome> run_status(Session& session, const LockOptions&) {
  const auto here = lock_here(session);
  const auto network = network_of(session);
  if (!here && !network) return here.error();
  LockPicture picture;
  if (here) picture.here = &*here;
  if (network) picture.network = &*network;
  session.renderer().show(lock_status_document(picture));
  if (!here) session.renderer().remark("here    not asked: " + here.error().message());
  if (!network) session.renderer().remark("server  not asked: " + network.error().message());
  return Outcome::kDone;
}

// What this node has verified and the server lacks, as after a restore of an older backup.
Result<Outcome> run_push(Session& session, const LockOptions&) {
  MESH_TRY_ASSIGN(const auto here, lock_here(session));
  MESH_TRY_ASSIGN(const auto held, history_from(here.statements()));
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto network, read_lock(server));
  const auto& theirs = network.history.statements;
  const bool is_ahead = held.statements.size() >= theirs.size() &&
                        std::equal(theirs.begin(), theirs.end(), held.statements.begin());
  if (!is_ahead) {
    return Error(
        ErrorCode::kConflict,
        "the server does not have an earlier part of this node's lock, but something else");
  }
  std::size_t pushed = 0;
  for (std::size_t i = theirs.size(); i < held.statements.size(); ++i, ++pushed) {
    MESH_TRY_ASSIGN(const auto statement, lock::parse_statement(held.statements[i]));
    MESH_TRY_ASSIGN(const auto submitted, submit_statement(server, statement));
    if (!submitted.is_in_force) {
      return Error(ErrorCode::kConflict, "the server has it as a proposal, which lacks " +
                                             submitted.lacks + ": run `meshadm lock sign`");
    }
  }
  Document document;
  document.json = {{"pushed", pushed}};
  document.line(pushed == 0 ? "The server lacks nothing that this node has."
                            : "Handed the server " + std::to_string(pushed) +
                                  (pushed == 1 ? " statement." : " statements."));
  session.renderer().show(document);
  return Outcome::kDone;
}

}  // namespace

CLI::App& add_lock_verb(CLI::App& group, Invocation& invocation, const CommandWords& words,
                        const std::shared_ptr<LockOptions>& options, LockAction action) {
  auto& command = add_command(group, words);
  command.callback([&invocation, options, action] {
    invocation.action = [options, action](Session& session) { return action(session, *options); };
  });
  return command;
}

void add_signing_key_option(CLI::App& command, const std::shared_ptr<LockOptions>& options) {
  command
      .add_option("--signing-key", options->key_file,
                  "Sign with the key of `meshadm lock keygen` in this file; else this machine's "
                  "agent signs")
      ->type_name("FILE");
}

void show_to_person(Session& session, const Document& document) {
  if (session.renderer().format() == Format::kHuman) session.renderer().show(document);
}

void add_lock_look_verbs(CLI::App& group, Invocation& invocation) {
  const auto options = std::make_shared<LockOptions>();
  add_lock_verb(group, invocation,
                {"status", "Show the lock as this node has verified it, and as the server has it",
                 "meshadm lock status\nmeshadm lock status --json | jq .here.fingerprint"},
                options, run_status);
  add_lock_verb(group, invocation,
                {"push", "Hand the server what this node knows of the lock and the server lacks",
                 "meshadm lock push"},
                options, run_push);
}

void add_lock_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(
      root, {"lock", "Let nodes take in only peers that a signer has signed (docs/network-lock.md)",
             "meshadm lock init\n"
             "meshadm lock status\n"
             "meshadm lock sign web-7"});
  add_lock_begin_verbs(group, invocation);
  add_lock_sign_verbs(group, invocation);
  add_lock_look_verbs(group, invocation);
}

}  // namespace kernmesh::adm
