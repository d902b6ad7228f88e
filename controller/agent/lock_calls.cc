// SPDX-License-Identifier: Apache-2.0
// What meshadm asks of this node's lock: state, problems, signatures (the rest of lock_keeper.h and
// of agent.h).
#include <spdlog/spdlog.h>

#include "controller/agent/agent.h"
#include "controller/agent/lock_keeper.h"
#include "controller/agent/loop_call.h"
#include "controller/core/lock/signer.h"
#include "controller/rpc/convert.h"

namespace kernmesh::agent {
namespace {

using mesh::v1::LockStatus;

// Peers that a problem names; `meshadm lock status` has all.
constexpr std::size_t kMostNamedPeers = 5;

LockStatus::State state_of(const lock::History& history) {
  if (!history.chain) return LockStatus::STATE_NONE;
  return history.is_in_force() ? LockStatus::STATE_IN_FORCE : LockStatus::STATE_ENDED;
}

std::string bare(const Error& error) {
  constexpr std::string_view kPrefix = "network lock: ";
  const auto& text = error.message();
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
}

struct WireClaim {
  MachinePublicKey machine_key;
  NodePublicKey node_key;
  std::vector<IpAddress> addresses;
  Bytes endorsement;
};

Result<WireClaim> claim_from(const mesh::v1::LockSignRequest::Claim& message) {
  WireClaim claim;
  MESH_TRY_ASSIGN(claim.machine_key, rpc::machine_key_from_wire(message.machine_key()));
  MESH_TRY_ASSIGN(claim.node_key, rpc::node_key_from_wire(message.node_key()));
  if (message.addresses_size() > static_cast<int>(lock::kMostEndorsedAddresses)) {
    return Error(ErrorCode::kInvalid, "a node has too many addresses to sign for");
  }
  for (const auto& text : message.addresses()) {
    MESH_TRY_ASSIGN(const auto address, rpc::address_from_wire(text));
    claim.addresses.push_back(address);
  }
  claim.endorsement = rpc::bytes_from_wire(message.endorsement());
  return claim;
}

}  // namespace

LockStatus LockKeeper::status_locked() const {
  LockStatus out;
  const auto& history = memory_.history;
  out.set_state(state_of(history));
  if (history.chain) {
    out.set_lock(rpc::to_wire(history.chain->lock));
    out.set_number(history.chain->number);
    out.set_signers(static_cast<std::uint32_t>(history.chain->signers.size()));
    out.set_quorum(history.chain->quorum);
    out.set_is_signer(history.is_in_force() && trusts(*history.chain, name_));
  }
  if (history.is_in_force()) {
    const Status own = check_own(sent_own_);
    out.set_is_endorsed(static_cast<bool>(own));
    if (!own) out.set_own_problem(bare(own.error()));
  }
  for (const auto& problem : {unreadable_, refused_, unwritten_}) {
    if (problem && out.problem().empty()) out.set_problem(bare(*problem));
  }
  for (const auto& peer : left_out_) {
    auto* entry = out.add_left_out();
    entry->set_node_id(peer.id.value());
    entry->set_name(peer.name);
    entry->set_reason(bare(Error(ErrorCode::kPermissionDenied, peer.reason)));
  }
  return out;
}

LockStatus LockKeeper::status() const {
  const std::lock_guard guard(mutex_);
  return status_locked();
}

mesh::v1::LockShowResponse LockKeeper::show(const NodePublicKey& key) const {
  const std::lock_guard guard(mutex_);
  mesh::v1::LockShowResponse response;
  *response.mutable_status() = status_locked();
  for (const auto& statement : memory_.history.statements) {
    response.add_statements(rpc::to_wire(statement));
  }
  response.set_machine_key(rpc::to_wire(name_));
  if (!addresses_.empty()) response.set_fingerprint(lock::fingerprint({name_, key, addresses_}));
  return response;
}

std::vector<std::string> LockKeeper::problems() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> result;
  if (unreadable_) {
    result.push_back("what this node knew of the network lock cannot be read (" +
                     unreadable_->message() +
                     "), so it takes in no peer: restore the file, or remove it and restart the "
                     "agent to believe the server once more");
    return result;
  }
  if (refused_) {
    result.push_back("the server's network lock is not the one that this node has verified (" +
                     bare(*refused_) +
                     "): this node keeps its own. After a restore of an older backup run `meshadm "
                     "lock push` here; else ask who has changed the server");
  }
  if (unwritten_) {
    result.push_back("what is new of the network lock could not be stored and does not count: " +
                     unwritten_->message());
  }
  if (memory_.history.is_in_force()) {
    if (const Status own = check_own(sent_own_); !own) {
      result.push_back("this node's peers do not take it in (" + bare(own.error()) +
                       "): run `meshadm lock sign` for it where a signer is");
    }
  }
  if (left_out_.empty()) return result;
  std::string names;
  for (std::size_t i = 0; i < std::min(left_out_.size(), kMostNamedPeers); ++i) {
    names += (i == 0 ? "" : ", ") + left_out_[i].name;
  }
  if (left_out_.size() > kMostNamedPeers) names += ", …";
  result.push_back("the network lock leaves out " + std::to_string(left_out_.size()) +
                   (left_out_.size() == 1 ? " peer (" : " peers (") + names +
                   "): `meshadm lock status` says why");
  return result;
}

Result<mesh::v1::LockSignResponse> LockKeeper::sign_nodes(
    const mesh::v1::LockSignRequest& request) const {
  std::optional<lock::Statement> init;
  if (!request.init().empty()) {
    MESH_TRY_ASSIGN(init, lock::parse_statement(rpc::bytes_from_wire(request.init())));
  }
  MESH_TRY_ASSIGN(const auto chain, chain_to_endorse(memory_.history, init, name_));
  mesh::v1::LockSignResponse response;
  for (const auto& message : request.claims()) {
    MESH_TRY_ASSIGN(const auto node, claim_from(message));
    const lock::Claim claim{node.machine_key, node.node_key, node.addresses};
    const auto known = memory_.rotations.find(node.machine_key);
    const std::uint64_t seen = known == memory_.rotations.end() ? 0 : known->second;
    response.add_endorsements(
        rpc::to_wire(encode(endorse_next(chain, claim, node.endorsement, seen, machine_))));
    response.add_signed_words("that this node belongs to the network: " + to_words(claim));
  }
  return response;
}

Result<mesh::v1::LockSignResponse> LockKeeper::sign(const mesh::v1::LockSignRequest& request) {
  const std::lock_guard guard(mutex_);
  if (unreadable_) return *unreadable_;
  if (request.statement().empty() == request.claims().empty()) {
    return Error(ErrorCode::kInvalid, "either a statement or nodes are to be signed");
  }
  mesh::v1::LockSignResponse response;
  if (request.statement().empty()) {
    MESH_TRY_ASSIGN(response, sign_nodes(request));
  } else {
    MESH_TRY_ASSIGN(auto statement,
                    lock::parse_statement(rpc::bytes_from_wire(request.statement())));
    MESH_TRY_ASSIGN(statement, sign_statement(memory_.history, std::move(statement), machine_));
    response.set_statement(rpc::to_wire(encode(statement)));
    response.add_signed_words("to " + to_words(statement));
  }
  for (const auto& words : response.signed_words()) spdlog::warn("network lock: signed {}", words);
  return response;
}

void Agent::open_lock(const topology::CaFingerprint& ca) {
  if (lock_ && lock_->is_of(ca)) return;
  lock_ = LockKeeper::open(options_.state_dir, ca, identity_.machine);
}

// As after a signer has signed this node anew, knowing of fewer rotations than there were.
void Agent::announce_endorsement() {
  if (!session_ || rotation_.is_under_way()) return;
  auto due = lock_->announcement(node_public_key(identity_.node));
  if (due) session_->tell_node_key(identity_.node, std::move(*due));
}

Result<mesh::v1::LockShowResponse> Agent::lock_show() {
  return on_loop<mesh::v1::LockShowResponse>([this]() -> Result<mesh::v1::LockShowResponse> {
    if (!lock_) return Error(ErrorCode::kUnavailable, "this node is in no network");
    return lock_->show(node_public_key(identity_.node));
  });
}

Result<mesh::v1::LockSignResponse> Agent::lock_sign(const mesh::v1::LockSignRequest& request) {
  return on_loop<mesh::v1::LockSignResponse>(
      [this, request]() -> Result<mesh::v1::LockSignResponse> {
        if (!lock_) return Error(ErrorCode::kUnavailable, "this node is in no network");
        return lock_->sign(request);
      });
}

}  // namespace kernmesh::agent
