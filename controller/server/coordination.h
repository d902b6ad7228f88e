// SPDX-License-Identifier: Apache-2.0
// What agents ask (L3, thread-safe).
#pragma once

#include "controller/rpc/handlers.h"
#include "controller/server/directory.h"
#include "controller/server/enrollment.h"
#include "controller/server/machine_use.h"
#include "controller/server/presence.h"
#include "controller/server/ticket_office.h"

namespace kernmesh::server {

class Coordination : public rpc::CoordinationHandler {
 public:
  // All outlive it.
  struct Parts {
    const Directory& directory;
    store::Store& store;
    Presence& presence;
    Enrollment& enrollment;
    const TicketOffice& tickets;
    MachineUse& machines;
  };
  Coordination(const Parts& parts, WallClock clock)
      : directory_(parts.directory),
        store_(parts.store),
        presence_(parts.presence),
        enrollment_(parts.enrollment),
        tickets_(parts.tickets),
        machines_(parts.machines),
        clock_(std::move(clock)) {}

  Result<mesh::v1::ChallengeResponse> challenge(const rpc::Caller&,
                                                const mesh::v1::ChallengeRequest&) override;
  Result<mesh::v1::RegisterResponse> enroll(const rpc::Caller&,
                                            const mesh::v1::RegisterRequest&) override;
  Result<mesh::v1::ReportResponse> report(const rpc::Caller&,
                                          const mesh::v1::ReportRequest&) override;
  Result<mesh::v1::LeaveResponse> leave(const rpc::Caller&, const mesh::v1::LeaveRequest&) override;
  Result<std::unique_ptr<rpc::UpdateSource>> watch(
      const rpc::Caller&, const mesh::v1::WatchRequest&,
      std::shared_ptr<rpc::UpdateStream> stream) override;
  void closed(const rpc::Caller&, const rpc::UpdateStream* stream) override;

 private:
  Status put_whereabouts(const rpc::Caller& caller, const mesh::v1::ReportRequest& request);
  Status put_facts(const rpc::Caller& caller, const mesh::v1::ReportRequest& request);

  const Directory& directory_;
  store::Store& store_;
  Presence& presence_;
  Enrollment& enrollment_;
  const TicketOffice& tickets_;
  MachineUse& machines_;
  WallClock clock_;
};

}  // namespace kernmesh::server
