// SPDX-License-Identifier: Apache-2.0
// lock sign, add, revoke, withdraw.
#include <algorithm>

#include "controller/core/lock/signer.h"
#include "tools/meshadm/lock_signer.h"
#include "tools/meshadm/lock_verbs.h"
#include "tools/meshadm/lock_view.h"

namespace kernmesh::adm {
namespace {

using NodeList = std::vector<const LockNode*>;

struct Desk {
  Session& session;
  rpc::AdminClient server;
  LockNetwork network;
  LockSigner signer;
};

Result<Desk> open_desk(Session& session, const LockOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(auto network, read_lock(server));
  MESH_TRY_ASSIGN(auto signer, LockSigner::open(session, options.key_file, network));
  return Desk{session, std::move(server), std::move(network), std::move(signer)};
}

// Nodes that peers which go by that lock do not take in.
NodeList unsigned_under(const LockNetwork& network, const lock::Chain& chain) {
  NodeList nodes;
  for (const auto& node : network.nodes) {
    if (node.is_member && !check_node(chain, node)) nodes.push_back(&node);
  }
  return nodes;
}

std::optional<lock::Statement> beginning_of(const LockNetwork& network) {
  const auto* init = network.beginning();
  if (init == nullptr) return std::nullopt;
  return init->statement;
}

Status ask_for_nodes(Desk& desk, const NodeList& nodes, Consent consent) {
  if (nodes.empty()) return {};
  show_to_person(desk.session, nodes_to_sign_document(nodes));
  return desk.session.confirm("Sign that these " + std::to_string(nodes.size()) +
                                  (nodes.size() == 1 ? " node belongs" : " nodes belong") +
                                  " to the network?",
                              consent);
}

Result<NodeList> wanted_nodes(const Desk& desk, const LockOptions& options,
                              const lock::Chain& chain) {
  if (options.all) return unsigned_under(desk.network, chain);
  NodeList nodes;
  for (const auto& word : options.words) {
    MESH_TRY_ASSIGN(const auto* node, desk.network.find(word));
    nodes.push_back(node);
  }
  return nodes;
}

Result<Outcome> sign_wanted_nodes(Desk& desk, const LockOptions& options) {
  const auto chain = desk.network.chain_to_sign_for();
  if (!chain) return Error(ErrorCode::kConflict, "the network is not locked: nothing to sign for");
  MESH_TRY_ASSIGN(const auto nodes, wanted_nodes(desk, options, *chain));
  MESH_TRY(ask_for_nodes(desk, nodes, options.consent));
  const auto init = beginning_of(desk.network);
  MESH_TRY_ASSIGN(const auto names, sign_nodes({desk.signer, desk.server, init}, nodes));
  desk.session.renderer().show(signed_nodes_document(names));
  return Outcome::kDone;
}

bool has_signed(const lock::Statement& statement, const lock::Signer& signer) {
  return std::any_of(statement.signatures.begin(), statement.signatures.end(),
                     [&](const auto& made) { return made.signer == signer; });
}

// One proposal, and with the beginning of a lock the nodes that lack a signature.
Result<StatementNews> sign_proposal(Desk& desk, const LockProposal& proposal, Consent consent) {
  const auto init = beginning_of(desk.network);
  NodeList nodes;
  if (init) nodes = unsigned_under(desk.network, lock::proposed_chain(*init));
  Document words;
  words.line("Proposed: to " + to_words(proposal.statement) + ".");
  show_to_person(desk.session, words);
  MESH_TRY(desk.session.confirm("Sign this?", consent));
  MESH_TRY(ask_for_nodes(desk, nodes, consent));
  MESH_TRY_ASSIGN(const auto statement, desk.signer.sign(proposal.statement));
  StatementNews news{desk.network, statement, {}};
  MESH_TRY_ASSIGN(news.nodes, sign_nodes({desk.signer, desk.server, init}, nodes));
  MESH_TRY_ASSIGN(news.submitted, submit_statement(desk.server, statement));
  return news;
}

Result<Outcome> run_sign(Session& session, const LockOptions& options) {
  MESH_TRY_ASSIGN(auto desk, open_desk(session, options));
  if (options.all || !options.words.empty()) return sign_wanted_nodes(desk, options);
  Document all;
  all.json["statements"] = Json::array();
  for (const auto& proposal : desk.network.proposals) {
    // One that is signed already may have waited for nodes.
    const bool is_beginning = proposal.statement.kind == lock::StatementKind::kInit;
    if (has_signed(proposal.statement, desk.signer.key()) && !is_beginning) continue;
    MESH_TRY_ASSIGN(const auto news, sign_proposal(desk, proposal, options.consent));
    Document document = statement_document(news);
    all.json["statements"].push_back(document.json);
    for (auto& block : document.blocks) all.blocks.push_back(std::move(block));
  }
  if (all.blocks.empty()) all.line("No proposal waits for this signer.");
  session.renderer().show(all);
  return Outcome::kDone;
}

Result<Outcome> submit_change(Desk& desk, lock::StatementKind kind, const lock::Signer& subject,
                              std::vector<std::string> signed_nodes) {
  auto statement = next_statement(*desk.signer.held().chain, kind);
  statement.signers = {subject};
  MESH_TRY_ASSIGN(const auto ready, desk.signer.sign(statement));
  StatementNews news{desk.network, ready, {}, std::move(signed_nodes)};
  MESH_TRY_ASSIGN(news.submitted, submit_statement(desk.server, ready));
  desk.session.renderer().show(statement_document(news));
  return Outcome::kDone;
}

Status check_locked(const Desk& desk) {
  if (desk.signer.held().is_in_force()) return {};
  return Error(ErrorCode::kConflict, "the network is not locked: `meshadm lock init` does that");
}

Result<Outcome> run_add(Session& session, const LockOptions& options) {
  MESH_TRY_ASSIGN(auto desk, open_desk(session, options));
  MESH_TRY(check_locked(desk));
  MESH_TRY_ASSIGN(const auto subject, desk.network.signer_of(options.words.front()));
  MESH_TRY(session.confirm("Trust " + options.words.front() + " (key " + to_string(subject) +
                               ") to sign nodes and changes of the lock?",
                           options.consent));
  return submit_change(desk, lock::StatementKind::kTrust, subject, {});
}

NodeList hanging_on(const Desk& desk, const lock::Signer& signer) {
  NodeList nodes;
  for (const auto& node : desk.network.nodes) {
    const auto endorsement = lock::parse_endorsement(node.endorsement);
    const bool hangs = node.is_member && endorsement && endorsement->signer == signer &&
                       check_node(*desk.signer.held().chain, node);
    if (hangs) nodes.push_back(&node);
  }
  return nodes;
}

std::string names_of(const NodeList& nodes) {
  std::string text;
  for (const auto* node : nodes) text += (text.empty() ? "" : ", ") + node->name;
  return text;
}

Result<Outcome> run_revoke(Session& session, const LockOptions& options) {
  MESH_TRY_ASSIGN(auto desk, open_desk(session, options));
  MESH_TRY(check_locked(desk));
  MESH_TRY_ASSIGN(const auto subject, desk.network.signer_of(options.words.front()));
  const auto nodes = hanging_on(desk, subject);
  if (!nodes.empty() && !options.resign) {
    return Error(ErrorCode::kConflict,
                 "only " + options.words.front() + " has signed " + names_of(nodes) +
                     ", and their peers would drop them: --resign signs them here first; what does "
                     "not belong to the network remove before with `meshadm node remove`");
  }
  if (!nodes.empty() && subject == desk.signer.key()) {
    return Error(ErrorCode::kConflict,
                 "what this signer has signed another one has to sign: run this there");
  }
  MESH_TRY(ask_for_nodes(desk, nodes, options.consent));
  MESH_TRY(
      session.confirm("Trust " + options.words.front() + " no more as a signer?", options.consent));
  MESH_TRY_ASSIGN(auto names, sign_nodes({desk.signer, desk.server, std::nullopt}, nodes));
  return submit_change(desk, lock::StatementKind::kDistrust, subject, std::move(names));
}

Result<Outcome> run_withdraw(Session& session, const LockOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto network, read_lock(server));
  const std::string wanted = options.words.empty() ? "" : options.words.front();
  std::vector<const LockProposal*> found;
  for (const auto& proposal : network.proposals) {
    if (to_hex(digest_of(proposal.statement)).starts_with(wanted)) found.push_back(&proposal);
  }
  if (found.size() != 1) {
    return Error(found.empty() ? ErrorCode::kNotFound : ErrorCode::kConflict,
                 std::to_string(found.size()) +
                     " proposals fit; `meshadm lock status --json` has "
                     "their digests");
  }
  MESH_TRY(server.withdraw_lock_proposal(found.front()->digest));
  Document document;
  document.json = {{"withdrawn", to_hex(digest_of(found.front()->statement))}};
  document.line("Withdrawn: to " + to_words(found.front()->statement) + ".");
  session.renderer().show(document);
  return Outcome::kDone;
}

void add_signer_verb(CLI::App& group, Invocation& invocation, const CommandWords& words,
                     LockAction action) {
  const auto options = std::make_shared<LockOptions>();
  auto& command = add_lock_verb(group, invocation, words, options, action);
  command.add_option("signer", options->words, "A node, or a key of `meshadm lock keygen`")
      ->required()
      ->expected(1)
      ->type_name(kNodeType);
  if (words.name == "revoke") {
    command.add_flag("--resign", options->resign,
                     "First sign here the nodes that only this signer has signed");
  }
  add_signing_key_option(command, options);
  add_consent_flag(command, options->consent);
}

}  // namespace

Result<std::vector<std::string>> sign_nodes(const NodeSigning& signing, const NodeList& nodes) {
  std::vector<std::string> names;
  if (nodes.empty()) return names;
  MESH_TRY_ASSIGN(const auto endorsements, signing.signer.endorse(nodes, signing.init));
  MESH_TRY(submit_endorsements(signing.server, endorsements));
  for (const auto* node : nodes) names.push_back(node->name);
  return names;
}

void add_lock_sign_verbs(CLI::App& group, Invocation& invocation) {
  const auto options = std::make_shared<LockOptions>();
  auto& sign = add_lock_verb(
      group, invocation,
      {"sign", "Sign nodes, or without any what is proposed for the lock; run it where a signer is",
       "meshadm lock sign web-7\n"
       "meshadm lock sign --all\n"
       "meshadm lock sign"},
      options, run_sign);
  sign.add_option("node", options->words, "Names, numbers or overlay addresses of nodes")
      ->type_name(kNodeType);
  sign.add_flag("--all", options->all, "Every node that lacks a signature");
  add_signing_key_option(sign, options);
  add_consent_flag(sign, options->consent);
  add_signer_verb(
      group, invocation,
      {"add", "Trust one more signer", "meshadm lock add db-1\nmeshadm lock add oTk0…="}, run_add);
  add_signer_verb(group, invocation,
                  {"revoke", "Trust a signer no more; what it signed counts no more",
                   "meshadm lock revoke db-1\nmeshadm lock revoke db-1 --resign"},
                  run_revoke);
  const auto withdrawal = std::make_shared<LockOptions>();
  add_lock_verb(group, invocation,
                {"withdraw", "Take a proposal for the lock back", "meshadm lock withdraw"},
                withdrawal, run_withdraw)
      .add_option("digest", withdrawal->words,
                  "How its digest begins; needed when there are several")
      ->expected(0, 1)
      ->type_name("DIGEST");
}

}  // namespace kernmesh::adm
