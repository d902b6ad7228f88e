// SPDX-License-Identifier: Apache-2.0
// The verbs of `meshadm lock`, in several files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/meshadm/command.h"
#include "tools/meshadm/lock_network.h"

namespace kernmesh::adm {

// Filled by the parser; each verb has some of them.
struct LockOptions {
  std::vector<std::string> words;  // nodes, or a signer
  std::vector<std::string> signers;
  unsigned quorum = 0;  // 0: more than half
  unsigned secrets = 3;
  std::string key_file;  // of a signing key; empty: the agent signs
  std::string secret;
  std::string secret_file;
  bool all = false;
  bool resign = false;
  Consent consent = Consent::kAsk;
};
using LockAction = Result<Outcome> (*)(Session&, const LockOptions&);

CLI::App& add_lock_verb(CLI::App& group, Invocation& invocation, const CommandWords& words,
                        const std::shared_ptr<LockOptions>& options, LockAction action);
// "--signing-key FILE".
void add_signing_key_option(CLI::App& command, const std::shared_ptr<LockOptions>& options);

// Shows them to a person, asks, signs them, and hands that in; the names of those signed. `init` is
// the statement of a lock that has not begun.
class LockSigner;
struct NodeSigning {
  LockSigner& signer;
  rpc::AdminClient& server;
  const std::optional<lock::Statement>& init;
};
Result<std::vector<std::string>> sign_nodes(const NodeSigning& signing,
                                            const std::vector<const LockNode*>& nodes);
// For people only; JSON has one document at the end.
void show_to_person(Session& session, const Document& document);

// init, disable, keygen; sign, add, revoke, withdraw; status, push.
void add_lock_begin_verbs(CLI::App& group, Invocation& invocation);
void add_lock_sign_verbs(CLI::App& group, Invocation& invocation);
void add_lock_look_verbs(CLI::App& group, Invocation& invocation);

}  // namespace kernmesh::adm
