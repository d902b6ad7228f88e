// SPDX-License-Identifier: Apache-2.0
// The network lock as administrators and signers see and change it (L3, thread-safe). Everything
// that changes something is audited.
#pragma once

#include <functional>

#include "controller/rpc/admin_handlers.h"
#include "controller/server/directory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

class LockAdministration : public rpc::LockHandler {
 public:
  // Both outlive it.
  LockAdministration(const Directory& directory, store::Store& store, WallClock clock)
      : directory_(directory), store_(store), clock_(std::move(clock)) {}

  Result<mesh::v1::Lock> get_lock(const rpc::Caller&, const mesh::v1::GetLockRequest&) override;
  Result<mesh::v1::Lock> submit_statement(const rpc::Caller&,
                                          const mesh::v1::SubmitLockStatementRequest&) override;
  Result<mesh::v1::SubmitEndorsementsResponse> submit_endorsements(
      const rpc::Caller&, const mesh::v1::SubmitEndorsementsRequest&) override;
  Result<mesh::v1::Lock> withdraw_proposal(const rpc::Caller&,
                                           const mesh::v1::WithdrawLockProposalRequest&) override;

 private:
  using Plan = std::function<Result<store::Commit>(const View&)>;
  Status commit_as(const rpc::Caller& caller, const Plan& plan);

  const Directory& directory_;
  store::Store& store_;
  WallClock clock_;
};

}  // namespace kernmesh::server
