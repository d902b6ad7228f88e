// SPDX-License-Identifier: Apache-2.0
#include "controller/server/lock_administration.h"

#include "controller/rpc/convert.h"
#include "controller/server/audit.h"
#include "controller/server/lock_plan.h"

namespace kernmesh::server {

namespace v1 = mesh::v1;

namespace {

template <typename Messages>
Result<std::vector<lock::Endorsement>> endorsements_of(const Messages& messages) {
  std::vector<lock::Endorsement> endorsements;
  for (const auto& message : messages) {
    MESH_TRY_ASSIGN(auto endorsement, lock::parse_endorsement(rpc::bytes_from_wire(message)));
    endorsements.push_back(std::move(endorsement));
  }
  return endorsements;
}

std::uint32_t without_endorsement(const View& view) {
  std::uint32_t count = 0;
  for (const auto& [id, record] : view.nodes) {
    if (!lock_problem(view, record.node).empty()) ++count;
  }
  return count;
}

v1::Lock describe_lock(const View& view) {
  v1::Lock message;
  for (const auto& statement : view.lock.statements) {
    message.add_statements(rpc::to_wire(statement));
  }
  for (const auto& [digest, record] : view.lock_proposals) {
    auto* proposal = message.add_proposals();
    proposal->set_statement(rpc::to_wire(record.bytes));
    proposal->set_digest(rpc::to_wire(digest.bytes));
    proposal->set_created_at(rpc::to_wire(record.created_at));
    const auto statement = lock::parse_statement(record.bytes);
    if (statement) proposal->set_lacks(lacks_of(view, *statement));
  }
  message.set_without_endorsement(without_endorsement(view));
  return message;
}

}  // namespace

Result<v1::Lock> LockAdministration::get_lock(const rpc::Caller&, const v1::GetLockRequest&) {
  return directory_.read([](const View& view) -> Result<v1::Lock> { return describe_lock(view); });
}

Status LockAdministration::commit_as(const rpc::Caller& caller, const Plan& plan) {
  return commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY_ASSIGN(auto commit, plan(view));
    for (auto& event : commit.audit) {
      event = event_by(caller, event.at, {event.action.c_str(), event.subject, event.detail});
    }
    return commit;
  });
}

Result<v1::Lock> LockAdministration::submit_statement(
    const rpc::Caller& caller, const v1::SubmitLockStatementRequest& request) {
  LockOffer offer;
  MESH_TRY_ASSIGN(offer.statement,
                  lock::parse_statement(rpc::bytes_from_wire(request.statement())));
  MESH_TRY_ASSIGN(offer.endorsements, endorsements_of(request.endorsements()));
  MESH_TRY(
      commit_as(caller, [&](const View& view) { return plan_statement(view, offer, clock_()); }));
  return get_lock(caller, {});
}

Result<v1::SubmitEndorsementsResponse> LockAdministration::submit_endorsements(
    const rpc::Caller& caller, const v1::SubmitEndorsementsRequest& request) {
  MESH_TRY_ASSIGN(const auto endorsements, endorsements_of(request.endorsements()));
  MESH_TRY(commit_as(
      caller, [&](const View& view) { return plan_endorsements(view, endorsements, clock_()); }));
  return directory_.read([](const View& view) -> Result<v1::SubmitEndorsementsResponse> {
    v1::SubmitEndorsementsResponse response;
    response.set_without_endorsement(without_endorsement(view));
    return response;
  });
}

Result<v1::Lock> LockAdministration::withdraw_proposal(
    const rpc::Caller& caller, const v1::WithdrawLockProposalRequest& request) {
  MESH_TRY(commit_as(caller, [&](const View& view) -> Result<store::Commit> {
    store::LockDigest digest;
    const Bytes bytes = rpc::bytes_from_wire(request.digest());
    if (bytes.size() == digest.bytes.size()) {
      std::copy(bytes.begin(), bytes.end(), digest.bytes.begin());
    }
    const auto found = view.lock_proposals.find(digest);
    if (found == view.lock_proposals.end()) {
      return Error(ErrorCode::kNotFound, "there is no such proposal for the lock");
    }
    store::Commit commit;
    const auto statement = lock::parse_statement(found->second.bytes);
    commit.removals.emplace_back(store::Removal<store::LockDigest>{digest, found->second.written});
    commit.audit = {{clock_(), "", "lock.withdraw", "the network lock",
                     statement ? to_words(*statement) : "", ""}};
    return commit;
  }));
  return get_lock(caller, {});
}

}  // namespace kernmesh::server
