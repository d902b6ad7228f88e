// SPDX-License-Identifier: Apache-2.0
// What the server says of the network lock and of the nodes, read and checked as far as that goes
// without a person (pure but for the asking).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/core/lock/endorsement.h"
#include "controller/core/lock/history.h"
#include "controller/rpc/admin_client.h"

namespace kernmesh::adm {

struct LockNode {
  std::uint64_t id = 0;
  std::string name;
  bool is_member = false;  // approved or expired: who awaits approval is not signed by the way
  MachinePublicKey machine_key;
  NodePublicKey node_key;
  std::vector<IpAddress> addresses;
  Bytes endorsement;
  lock::Claim claim() const { return {machine_key, node_key, addresses}; }
};

struct LockProposal {
  lock::Statement statement;
  std::string digest;  // as on the wire
  std::int64_t created_at = 0;
  std::string lacks;
};

struct LockNetwork {
  lock::History history;
  std::vector<LockProposal> proposals;
  std::vector<LockNode> nodes;

  // The proposal that begins a lock, if there is one.
  const LockProposal* beginning() const;
  // The lock that nodes are signed for: the one in force, or the one that is to begin.
  std::optional<lock::Chain> chain_to_sign_for() const;
  // By name, number or overlay address.
  Result<const LockNode*> find(const std::string& text) const;
  // A node's machine key, or a signer's key in base64.
  Result<lock::Signer> signer_of(const std::string& text) const;
  // "web-1", or the key of who is no node.
  std::string name_of(const lock::Signer& signer) const;
};

// The server's statements are verified, so that a mistake of its is told here.
Result<LockNetwork> read_lock(rpc::AdminClient& server);
Result<lock::History> history_from(const google::protobuf::RepeatedPtrField<std::string>& wire);

// Whether the node is taken in by peers that go by this lock.
Status check_node(const lock::Chain& chain, const LockNode& node);

// In as many calls as the server's bound on requests takes.
inline constexpr std::size_t kNodesAtOnce = 100;
Status submit_endorsements(rpc::AdminClient& server, const std::vector<std::string>& endorsements);

// Whether the statement is a part of the lock now, or a proposal still (then what it lacks).
struct Submitted {
  bool is_in_force = false;
  std::string lacks;
};
Result<Submitted> submit_statement(rpc::AdminClient& server, const lock::Statement& statement);

}  // namespace kernmesh::adm
