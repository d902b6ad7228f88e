// SPDX-License-Identifier: Apache-2.0
// lock init, disable, keygen.
#include <sodium.h>

#include <algorithm>
#include <fstream>

#include "tools/meshadm/interrupt.h"
#include "tools/meshadm/lock_signer.h"
#include "tools/meshadm/lock_verbs.h"
#include "tools/meshadm/lock_view.h"

namespace kernmesh::adm {
namespace {

struct Beginning {
  lock::Statement statement;
  std::vector<std::string> secrets;
};

Result<Beginning> make_beginning(const LockNetwork& network, const LockOptions& options,
                                 const lock::Signer& own) {
  Beginning beginning;
  auto& statement = beginning.statement;
  statement.kind = lock::StatementKind::kInit;
  statement.signers = {own};
  for (const auto& word : options.signers) {
    MESH_TRY_ASSIGN(const auto signer, network.signer_of(word));
    statement.signers.push_back(signer);
  }
  auto& signers = statement.signers;
  std::sort(signers.begin(), signers.end());
  signers.erase(std::unique(signers.begin(), signers.end()), signers.end());
  statement.quorum =
      static_cast<std::uint8_t>(options.quorum != 0 ? options.quorum : signers.size() / 2 + 1);
  for (unsigned i = 0; i < options.secrets; ++i) {
    lock::DisableSecret secret;
    randombytes_buf(secret.mutable_bytes().data(), secret.bytes().size());
    statement.secrets.push_back(lock::digest_of(secret));
    beginning.secrets.push_back(secret_text(secret));
  }
  MESH_TRY(lock::signatures_lacking(network.history, statement));
  return beginning;
}

Status check_unlocked(const LockNetwork& network) {
  if (network.history.is_in_force()) {
    return Error(ErrorCode::kConflict,
                 "the network is locked already; `meshadm lock status` shows by whom");
  }
  if (network.beginning() == nullptr) return {};
  return Error(ErrorCode::kConflict,
               "a lock is proposed already: sign it with `meshadm lock sign`, or take it back with "
               "`meshadm lock withdraw`");
}

// From the proposal to the lock; what is left of a proposal that fails is taken back.
Result<StatementNews> begin_lock(const NodeSigning& signing, const LockNetwork& network,
                                 const std::vector<const LockNode*>& nodes) {
  StatementNews news{network, *signing.init, {}};
  const auto finish = [&]() -> Status {
    MESH_TRY_ASSIGN(news.submitted, submit_statement(signing.server, *signing.init));
    if (nodes.empty() || news.submitted.is_in_force) return {};
    MESH_TRY_ASSIGN(news.nodes, sign_nodes(signing, nodes));
    MESH_TRY_ASSIGN(news.submitted, submit_statement(signing.server, *signing.init));
    return {};
  };
  if (const Status done = finish(); !done) {
    const auto digest = digest_of(*signing.init);
    const auto withdrawn = signing.server.withdraw_lock_proposal(
        {reinterpret_cast<const char*>(digest.data()), digest.size()});
    return done.error().with_context(withdrawn ? "no lock has begun"
                                               : "the lock has not begun, but may be proposed");
  }
  return news;
}

Result<Outcome> run_init(Session& session, const LockOptions& options) {
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto network, read_lock(server));
  MESH_TRY(check_unlocked(network));
  MESH_TRY_ASSIGN(auto signer, LockSigner::open(session, options.key_file, network));
  MESH_TRY_ASSIGN(const auto beginning, make_beginning(network, options, signer.key()));
  std::vector<const LockNode*> nodes;
  for (const auto& node : network.nodes) {
    if (node.is_member) nodes.push_back(&node);
  }
  show_to_person(session, nodes_to_sign_document(nodes));
  Document plan;
  for (const auto& key : beginning.statement.signers) {
    plan.line("signer  " + network.name_of(key) + "  " + to_string(key));
  }
  plan.line("quorum  " + std::to_string(beginning.statement.quorum));
  show_to_person(session, plan);
  MESH_TRY(session.confirm("Lock the network with these signers, and sign these " +
                               std::to_string(nodes.size()) + " nodes?",
                           options.consent));
  MESH_TRY_ASSIGN(const auto statement, signer.sign(beginning.statement));
  // Before the lock begins: whatever ends this program then, they have been shown.
  show_to_person(session, secrets_document(beginning.secrets));
  // A program gets them with the answer, which a signal must not come before.
  const SignalsIgnored until_answered;
  auto news = begin_lock({signer, server, statement}, network, nodes);
  if (!news) {
    if (session.renderer().format() == Format::kJson) {
      session.renderer().show(secrets_document(beginning.secrets));
    }
    return news.error();
  }
  news->secrets = beginning.secrets;
  session.renderer().show(statement_document(*news));
  return Outcome::kDone;
}

Result<lock::DisableSecret> secret_from(Session& session, const LockOptions& options) {
  if (!options.secret.empty()) return parse_secret(options.secret);
  std::string line;
  if (options.secret_file == "-") {
    std::getline(session.surroundings().in, line);
    return parse_secret(line);
  }
  errno = 0;
  std::ifstream file(options.secret_file);
  if (!std::getline(file, line)) return Error::from_errno("read " + options.secret_file, errno);
  return parse_secret(line);
}

Result<Outcome> run_disable(Session& session, const LockOptions& options) {
  MESH_TRY_ASSIGN(const auto secret, secret_from(session, options));
  MESH_TRY_ASSIGN(auto server, session.server());
  MESH_TRY_ASSIGN(const auto network, read_lock(server));
  if (!network.history.is_in_force()) {
    return Error(ErrorCode::kConflict, "the network is not locked");
  }
  MESH_TRY(session.confirm(
      "End the network lock? The server alone says then who belongs to the network.",
      options.consent));
  auto statement = next_statement(*network.history.chain, lock::StatementKind::kDisable);
  statement.secret = secret;
  MESH_TRY_ASSIGN(const auto submitted, submit_statement(server, statement));
  session.renderer().show(statement_document({network, statement, submitted}));
  return Outcome::kDone;
}

Result<Outcome> run_keygen(Session& session, const LockOptions& options) {
  const std::string& path = options.words.front();
  MESH_TRY_ASSIGN(const auto key, make_signing_key(path));
  Document document;
  document.json = {{"key", to_string(key)}, {"file", path}};
  document.line("Made " + path + ". Its public key, for --signer and `meshadm lock add`:");
  document.line("");
  document.line("  " + to_string(key), Tone::kStrong);
  session.renderer().show(document);
  return Outcome::kDone;
}

void add_init(CLI::App& group, Invocation& invocation) {
  const auto options = std::make_shared<LockOptions>();
  auto& command = add_lock_verb(
      group, invocation,
      {"init", "Lock the network: from then on nodes take in only peers that a signer has signed",
       "meshadm lock init\n"
       "meshadm lock init --signer db-1 --signer web-1 --quorum 2\n"
       "meshadm lock init --signing-key /media/usb/lock.key --secrets 5"},
      options, run_init);
  command
      .add_option(
          "--signer", options->signers,
          "Another signer, beside the one that runs this: a node, or a key of `meshadm lock "
          "keygen`; may be repeated. Each has to run `meshadm lock sign`")
      ->type_name(kNodeType)
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("--quorum", options->quorum,
                  "How many signers a change of the signers takes (more than half)")
      ->type_name("N")
      ->check(CLI::Range(1U, static_cast<unsigned>(lock::kMostSigners)).description(""));
  command
      .add_option("--secrets", options->secrets,
                  "How many secrets to make, each of which ends the lock (3)")
      ->type_name("N")
      ->check(CLI::Range(1U, static_cast<unsigned>(lock::kMostSecrets)).description(""));
  add_signing_key_option(command, options);
  add_consent_flag(command, options->consent);
}

void add_disable(CLI::App& group, Invocation& invocation) {
  const auto options = std::make_shared<LockOptions>();
  auto& command = add_lock_verb(
      group, invocation,
      {"disable", "End the lock by one of its secrets, for instance when its signers are lost",
       "meshadm lock disable --secret-file /media/usb/secret\n"
       "meshadm lock disable --secret-file - < secret"},
      options, run_disable);
  auto* secret = command
                     .add_option("--secret", options->secret,
                                 "The secret; other users of this machine may see it meanwhile")
                     ->type_name("ld-…");
  command
      .add_option("--secret-file", options->secret_file, "File with the secret; -: standard input")
      ->type_name("PATH")
      ->excludes(secret);
  add_consent_flag(command, options->consent);
  command.callback([&invocation, options] {
    if (options->secret.empty() && options->secret_file.empty()) {
      throw CLI::ValidationError("say which secret: --secret-file PATH or --secret ld-…");
    }
    invocation.action = [options](Session& session) { return run_disable(session, *options); };
  });
}

}  // namespace

void add_lock_begin_verbs(CLI::App& group, Invocation& invocation) {
  add_init(group, invocation);
  add_disable(group, invocation);
  const auto options = std::make_shared<LockOptions>();
  auto& keygen = add_lock_verb(
      group, invocation,
      {"keygen", "Make a signing key in a file, for a signer that is no node of the network",
       "meshadm lock keygen /media/usb/lock.key"},
      options, run_keygen);
  keygen.add_option("file", options->words, "The file to make")
      ->required()
      ->expected(1)
      ->type_name("FILE");
}

}  // namespace kernmesh::adm
