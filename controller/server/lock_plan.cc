// SPDX-License-Identifier: Apache-2.0
#include "controller/server/lock_plan.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "controller/server/audit.h"

namespace kernmesh::server {
namespace {

using lock::StatementKind;

// Names in an error, so that it stays a sentence.
constexpr std::size_t kMostNamed = 5;

using Endorsed = std::map<NodeId, store::NodeRecord>;

lock::Claim claim_of(const topology::Node& node) {
  return {node.machine_key, node.node_key, node.addresses};
}

// By what was checked when it came in: signatures are not verified again.
Status check_member(const lock::Chain& chain, const topology::Node& node) {
  if (node.endorsement.empty()) {
    return Error(ErrorCode::kPermissionDenied, "network lock: nobody has signed it");
  }
  MESH_TRY_ASSIGN(const auto endorsement, lock::parse_endorsement(node.endorsement));
  return check_claim(chain, endorsement, claim_of(node), 0);
}

std::uint64_t rotation_held(const topology::Node& node, const lock::Digest& lock) {
  const auto held = lock::parse_endorsement(node.endorsement);
  return held && held->lock == lock ? rotation_of(*held) : 0;
}

std::string names_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kMostNamed) {
    text += " and " + std::to_string(names.size() - kMostNamed) + " more";
  }
  return text;
}

// Of the network's nodes, those that no peer would take in under `after` though it does under
// `before`; without a lock before, all do.
std::vector<std::string> cut_off(const View& view, const Endorsed& endorsed,
                                 const lock::Chain* before, const lock::Chain& after) {
  std::vector<std::string> names;
  for (const auto& [id, record] : view.nodes) {
    if (record.node.state != topology::NodeState::kApproved) continue;
    const auto fresh = endorsed.find(id);
    const auto& node = fresh == endorsed.end() ? record.node : fresh->second.node;
    if (check_member(after, node)) continue;
    if (before == nullptr || check_member(*before, node)) names.push_back(node.name);
  }
  return names;
}

Status take(const View& view, const lock::Chain& chain, const lock::Endorsement& endorsement,
            Endorsed& endorsed) {
  const auto* node = view.network.find(endorsement.machine_key);
  if (node == nullptr) {
    return Error(ErrorCode::kNotFound,
                 "no node has the machine key " + to_string(endorsement.machine_key));
  }
  const Status good =
      check_endorsement(chain, endorsement, claim_of(*node), rotation_held(*node, chain.lock));
  if (!good) return good.error().with_context("the endorsement of node " + node->name);
  const auto [entry, fresh] = endorsed.try_emplace(node->id, view.nodes.at(node->id));
  entry->second.node.endorsement = encode(endorsement);
  return {};
}

// The lock after the statement, and the one before when that is still in force.
struct Turn {
  std::optional<lock::Chain> before;
  lock::Chain after;
};

Turn turn_by(const View& view, const lock::Statement& statement) {
  if (!view.lock.is_in_force()) return {std::nullopt, lock::proposed_chain(statement)};
  Turn turn{view.lock.chain, *view.lock.chain};
  if (statement.kind == StatementKind::kDistrust) {
    std::erase(turn.after.signers, statement.signers.front());
  }
  return turn;
}

std::vector<std::string> cut_off_by(const View& view, const Endorsed& endorsed,
                                    const lock::Statement& statement) {
  const bool may_cut =
      statement.kind == StatementKind::kInit || statement.kind == StatementKind::kDistrust;
  if (!may_cut) return {};
  const Turn turn = turn_by(view, statement);
  return cut_off(view, endorsed, turn.before ? &*turn.before : nullptr, turn.after);
}

const char* action_of(StatementKind kind) {
  switch (kind) {
    case StatementKind::kInit:
      return "lock.init";
    case StatementKind::kTrust:
      return "lock.trust";
    case StatementKind::kDistrust:
      return "lock.revoke";
    case StatementKind::kDisable:
      return "lock.disable";
  }
  return "lock";
}

store::AuditEvent lock_event(WallTime now, const char* action, std::string detail) {
  return {now, "", action, "the network lock", std::move(detail), ""};
}

std::string signers_of(const lock::Statement& statement) {
  std::string text;
  for (const auto& made : statement.signatures) {
    text += (text.empty() ? "" : ", ") + to_string(made.signer);
  }
  return text.empty() ? "without a signature" : "signed by " + text;
}

// With the signatures that a proposal of the same has already.
lock::Statement merged(const store::LockProposalRecord* held, const lock::Statement& statement) {
  lock::Statement result = statement;
  const auto known = held == nullptr ? Result<lock::Statement>(lock::Statement())
                                     : lock::parse_statement(held->bytes);
  if (known) {
    for (const auto& made : known->signatures) {
      const auto same = [&](const lock::SignedBy& other) { return other.signer == made.signer; };
      const auto& all = result.signatures;
      if (std::none_of(all.begin(), all.end(), same)) result.signatures.push_back(made);
    }
  }
  std::sort(result.signatures.begin(), result.signatures.end(),
            [](const auto& a, const auto& b) { return a.signer < b.signer; });
  return result;
}

const store::LockProposalRecord* proposal_of(const View& view, const lock::Digest& digest) {
  const auto found = view.lock_proposals.find(store::LockDigest{digest});
  return found == view.lock_proposals.end() ? nullptr : &found->second;
}

// What is proposed beside it has nothing to follow any more.
void put_in_force(const View& view, const lock::Statement& statement, WallTime now,
                  store::Commit& commit) {
  commit.audience = store::Audience::kNetwork;
  commit.only_at = view.network.version().revision;
  commit.puts.emplace_back(
      store::LockStatementRecord{view.lock.statements.size() + 1, encode(statement)});
  for (const auto& [digest, record] : view.lock_proposals) {
    commit.removals.emplace_back(store::Removal<store::LockDigest>{digest, record.written});
  }
  commit.audit.push_back(lock_event(now, action_of(statement.kind),
                                    to_words(statement) + ", " + signers_of(statement)));
}

Status propose(const View& view, const lock::Statement& statement, WallTime now,
               store::Commit& commit) {
  const store::LockDigest digest{digest_of(statement)};
  const auto* held = proposal_of(view, digest.bytes);
  store::LockProposalRecord record =
      held == nullptr ? store::LockProposalRecord{digest, {}, now, {}} : *held;
  const Bytes bytes = encode(statement);
  if (held != nullptr && held->bytes == bytes) return {};
  if (held == nullptr && view.lock_proposals.size() >= kMostLockProposals) {
    return Error(ErrorCode::kExhausted, "there are " + std::to_string(kMostLockProposals) +
                                            " proposals for the lock already: withdraw one");
  }
  // A node has one endorsement, so that only one lock can be made ready at a time.
  if (held == nullptr && statement.kind == StatementKind::kInit && !view.lock_proposals.empty()) {
    return Error(ErrorCode::kConflict,
                 "another lock is proposed already: let its signers sign it, or withdraw it");
  }
  record.bytes = bytes;
  commit.puts.emplace_back(std::move(record));
  commit.audit.push_back(lock_event(now, held == nullptr ? "lock.propose" : "lock.sign",
                                    to_words(statement) + ", " + signers_of(statement)));
  return {};
}

void put_endorsed(Endorsed endorsed, WallTime now, store::Commit& commit) {
  if (endorsed.empty()) return;
  std::vector<std::string> names;
  for (auto& [id, record] : endorsed) {
    names.push_back(record.node.name);
    commit.puts.emplace_back(std::move(record));
  }
  commit.audience = store::Audience::kNetwork;
  commit.audit.push_back(lock_event(now, "lock.endorse", names_of(names)));
}

// Nothing is put for a node that has that endorsement already.
void drop_unchanged(const View& view, Endorsed& endorsed) {
  std::erase_if(endorsed, [&](const auto& entry) {
    return view.nodes.at(entry.first).node.endorsement == entry.second.node.endorsement;
  });
}

}  // namespace

Result<store::Commit> plan_statement(const View& view, const LockOffer& offer, WallTime now) {
  const auto statement = merged(proposal_of(view, digest_of(offer.statement)), offer.statement);
  MESH_TRY_ASSIGN(const auto lacking, signatures_lacking(view.lock, statement));
  Endorsed endorsed;
  const Turn turn = turn_by(view, statement);
  for (const auto& endorsement : offer.endorsements) {
    MESH_TRY(take(view, turn.before ? *turn.before : turn.after, endorsement, endorsed));
  }
  drop_unchanged(view, endorsed);
  const auto cut = cut_off_by(view, endorsed, statement);
  if (statement.kind == StatementKind::kDistrust && !cut.empty()) {
    return Error(ErrorCode::kConflict,
                 "network lock: no other signer has signed " + names_of(cut) + ": sign them first");
  }
  store::Commit commit;
  if (lacking == 0 && cut.empty()) {
    put_in_force(view, statement, now, commit);
  } else {
    MESH_TRY(propose(view, statement, now, commit));
  }
  put_endorsed(std::move(endorsed), now, commit);
  return commit;
}

Result<store::Commit> plan_endorsements(const View& view,
                                        const std::vector<lock::Endorsement>& endorsements,
                                        WallTime now) {
  Endorsed endorsed;
  for (const auto& endorsement : endorsements) {
    std::optional<lock::Chain> chain = view.lock.chain;
    if (!view.lock.is_in_force()) {
      const auto* proposal = proposal_of(view, endorsement.lock);
      if (proposal == nullptr) {
        return Error(ErrorCode::kConflict, "there is no network lock that this is of");
      }
      MESH_TRY_ASSIGN(const auto init, lock::parse_statement(proposal->bytes));
      chain = lock::proposed_chain(init);
    }
    MESH_TRY(take(view, *chain, endorsement, endorsed));
  }
  drop_unchanged(view, endorsed);
  store::Commit commit;
  put_endorsed(std::move(endorsed), now, commit);
  return commit;
}

std::string lacks_of(const View& view, const lock::Statement& proposal) {
  const auto lacking = signatures_lacking(view.lock, proposal);
  if (!lacking) return "cannot be taken any more: " + lacking.error().message();
  std::string text;
  if (*lacking != 0) {
    text = std::to_string(*lacking) + (*lacking == 1 ? " more signature" : " more signatures");
  }
  const auto cut = cut_off_by(view, {}, proposal);
  if (cut.empty()) return text;
  return text + (text.empty() ? "" : "; ") + "a signature for " + names_of(cut);
}

std::string lock_problem(const View& view, const topology::Node& node) {
  if (!view.lock.is_in_force()) return "";
  const Status member = check_member(*view.lock.chain, node);
  return member ? "" : member.error().message();
}

void take_own_endorsement(const View& view, const Bytes& endorsement, topology::Node& node) {
  if (endorsement.empty() || !view.lock.is_in_force() || endorsement == node.endorsement) return;
  const auto& chain = *view.lock.chain;
  const auto read = lock::parse_endorsement(endorsement);
  // What the server has may be a signer's since the agent last heard of its own.
  if (read && rotation_of(*read) <= rotation_held(node, chain.lock) && check_member(chain, node)) {
    return;
  }
  const Status good =
      read ? check_endorsement(chain, *read, claim_of(node), rotation_held(node, chain.lock))
           : Status(read.error());
  if (good) {
    node.endorsement = endorsement;
  } else {
    spdlog::info("node {} brings an endorsement that does not hold: {}", node.name,
                 good.error().message());
  }
}

}  // namespace kernmesh::server
