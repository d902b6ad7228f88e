// SPDX-License-Identifier: Apache-2.0
// The network lock as documents (pure). docs/json.md describes the objects.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mesh/v1/local.pb.h"
#include "tools/meshadm/document.h"
#include "tools/meshadm/lock_network.h"

namespace kernmesh::adm {

// What somebody is about to sign: nodes with the fingerprints that the nodes themselves show.
Document nodes_to_sign_document(const std::vector<const LockNode*>& nodes);

// What a statement came to: in force, or a proposal and what it lacks. `nodes`: names of those that
// were signed with it.
struct StatementNews {
  const LockNetwork& network;
  lock::Statement statement;
  Submitted submitted;
  std::vector<std::string> nodes{};
  std::vector<std::string> secrets{};  // shown for people before
};
Document statement_document(const StatementNews& news);
Document signed_nodes_document(const std::vector<std::string>& names);

// The secrets, for people.
Document secrets_document(const std::vector<std::string>& secrets);

// Either may be missing.
struct LockPicture {
  const mesh::v1::LockShowResponse* here = nullptr;
  const LockNetwork* network = nullptr;
};
Document lock_status_document(const LockPicture& picture);

// The first 16 digits of a lock's or statement's digest.
std::string short_digest(std::string_view wire);

}  // namespace kernmesh::adm
