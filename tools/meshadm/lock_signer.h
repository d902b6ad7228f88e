// SPDX-License-Identifier: Apache-2.0
// Who signs: the agent of this machine with its machine key, or a key that lies in a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/meshadm/lock_network.h"
#include "tools/meshadm/session.h"

namespace kernmesh::adm {

class LockSigner {
 public:
  // Without a file the agent, which signs by what it has verified itself; a file's key signs by
  // what the server has.
  static Result<LockSigner> open(Session& session, const std::string& key_file,
                                 const LockNetwork& network);

  const lock::Signer& key() const { return key_; }
  const lock::History& held() const { return held_; }

  Result<lock::Statement> sign(const lock::Statement& statement);
  // For each node one, as on the wire. `init`: of a lock that has not begun.
  Result<std::vector<std::string>> endorse(const std::vector<const LockNode*>& nodes,
                                           const std::optional<lock::Statement>& init);

 private:
  LockSigner() = default;
  Result<std::vector<std::string>> endorse_by_agent(const std::vector<const LockNode*>& nodes,
                                                    const std::optional<lock::Statement>& init);

  std::optional<rpc::LocalClient> agent_;   // or
  std::optional<Ed25519SecretKey> secret_;  // of a file
  lock::Signer key_;
  lock::History held_;
};

// Made by `meshadm lock keygen`: "ls-" and 64 hexadecimal digits, the seed of an Ed25519 key.
Result<Ed25519SecretKey> read_signing_key(const std::string& path);
// kAlreadyExists when there is a file of that name; 0600.
Result<lock::Signer> make_signing_key(const std::string& path);

// "ld-" and 64 hexadecimal digits.
std::string secret_text(const lock::DisableSecret& secret);
Result<lock::DisableSecret> parse_secret(const std::string& text);

}  // namespace kernmesh::adm
