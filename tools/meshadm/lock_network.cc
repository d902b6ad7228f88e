// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/lock_network.h"

#include <algorithm>

#include "controller/rpc/convert.h"

namespace kernmesh::adm {
namespace {

Result<LockNode> lock_node_from(const mesh::v1::Node& message) {
  LockNode node;
  node.id = message.id();
  node.name = message.name();
  node.is_member = message.state() == mesh::v1::NODE_STATE_APPROVED ||
                   message.state() == mesh::v1::NODE_STATE_EXPIRED;
  MESH_TRY_ASSIGN(node.machine_key, rpc::machine_key_from_wire(message.machine_key()));
  MESH_TRY_ASSIGN(node.node_key, rpc::node_key_from_wire(message.node_key()));
  for (const auto& wire : message.addresses()) {
    MESH_TRY_ASSIGN(const auto address, rpc::address_from_wire(wire));
    node.addresses.push_back(address);
  }
  node.endorsement = rpc::bytes_from_wire(message.endorsement());
  return node;
}

Result<LockProposal> proposal_from(const mesh::v1::LockProposal& message) {
  LockProposal proposal;
  MESH_TRY_ASSIGN(proposal.statement,
                  lock::parse_statement(rpc::bytes_from_wire(message.statement())));
  proposal.digest = message.digest();
  proposal.created_at = message.created_at();
  proposal.lacks = message.lacks();
  return proposal;
}

}  // namespace

const LockProposal* LockNetwork::beginning() const {
  const auto found = std::find_if(proposals.begin(), proposals.end(), [](const auto& proposal) {
    return proposal.statement.kind == lock::StatementKind::kInit;
  });
  return found == proposals.end() || history.is_in_force() ? nullptr : &*found;
}

std::optional<lock::Chain> LockNetwork::chain_to_sign_for() const {
  if (history.is_in_force()) return history.chain;
  const auto* init = beginning();
  if (init == nullptr) return std::nullopt;
  return lock::proposed_chain(init->statement);
}

Result<const LockNode*> LockNetwork::find(const std::string& text) const {
  const auto address = IpAddress::parse(text);
  for (const auto& node : nodes) {
    const bool has = address && std::find(node.addresses.begin(), node.addresses.end(), *address) !=
                                    node.addresses.end();
    if (has || node.name == text || std::to_string(node.id) == text) return &node;
  }
  return Error(ErrorCode::kNotFound, "the network has no node \"" + text.substr(0, 80) +
                                         "\"; `meshadm node list` lists them");
}

Result<lock::Signer> LockNetwork::signer_of(const std::string& text) const {
  if (const auto node = find(text)) return (*node)->machine_key;
  if (const auto key = lock::Signer::parse_base64(text)) return *key;
  return Error(ErrorCode::kNotFound, "\"" + text.substr(0, 80) +
                                         "\" is neither a node nor a signing key (44 characters of "
                                         "base64, as `meshadm lock keygen` prints it)");
}

std::string LockNetwork::name_of(const lock::Signer& signer) const {
  for (const auto& node : nodes) {
    if (node.machine_key == signer) return node.name;
  }
  return to_string(signer);
}

Result<lock::History> history_from(const google::protobuf::RepeatedPtrField<std::string>& wire) {
  std::vector<Bytes> statements;
  for (const auto& statement : wire) statements.push_back(rpc::bytes_from_wire(statement));
  return lock::read_history(statements);
}

Result<LockNetwork> read_lock(rpc::AdminClient& server) {
  MESH_TRY_ASSIGN(const auto message, server.get_lock());
  MESH_TRY_ASSIGN(const auto nodes, server.list_nodes());
  LockNetwork network;
  MESH_TRY_ASSIGN(network.history, history_from(message.statements()));
  for (const auto& proposal : message.proposals()) {
    MESH_TRY_ASSIGN(auto read, proposal_from(proposal));
    network.proposals.push_back(std::move(read));
  }
  for (const auto& node : nodes.nodes()) {
    MESH_TRY_ASSIGN(auto read, lock_node_from(node));
    network.nodes.push_back(std::move(read));
  }
  return network;
}

Status check_node(const lock::Chain& chain, const LockNode& node) {
  if (node.endorsement.empty()) {
    return Error(ErrorCode::kPermissionDenied, "network lock: nobody has signed it");
  }
  MESH_TRY_ASSIGN(const auto endorsement, lock::parse_endorsement(node.endorsement));
  return check_endorsement(chain, endorsement, node.claim(), 0);
}

Status submit_endorsements(rpc::AdminClient& server, const std::vector<std::string>& endorsements) {
  for (std::size_t at = 0; at < endorsements.size(); at += kNodesAtOnce) {
    mesh::v1::SubmitEndorsementsRequest request;
    for (std::size_t i = at; i < std::min(at + kNodesAtOnce, endorsements.size()); ++i) {
      request.add_endorsements(endorsements[i]);
    }
    MESH_TRY(server.submit_endorsements(request));
  }
  return {};
}

Result<Submitted> submit_statement(rpc::AdminClient& server, const lock::Statement& statement) {
  mesh::v1::SubmitLockStatementRequest request;
  request.set_statement(rpc::to_wire(encode(statement)));
  MESH_TRY_ASSIGN(const auto answer, server.submit_lock_statement(request));
  const auto digest = digest_of(statement);
  for (const auto& proposal : answer.proposals()) {
    if (proposal.digest() == rpc::to_wire(digest)) return Submitted{false, proposal.lacks()};
  }
  MESH_TRY_ASSIGN(const auto history, history_from(answer.statements()));
  if (history.chain && history.chain->head == digest) return Submitted{true, ""};
  return Error(ErrorCode::kConflict, "the server has taken the statement and does not have it");
}

}  // namespace kernmesh::adm
