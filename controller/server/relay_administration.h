// SPDX-License-Identifier: Apache-2.0
// What administrators ask about relays (L3, thread-safe). Everything that changes something is
// audited.
#pragma once

#include "controller/rpc/admin_handlers.h"
#include "controller/server/directory.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/relay_presence.h"

namespace kernmesh::server {

class RelayAdministration : public rpc::RelayAdminHandler {
 public:
  // All outlive it.
  RelayAdministration(const Directory& directory, store::Store& store, RelayPresence& presence,
                      WallClock clock)
      : directory_(directory), store_(store), presence_(presence), clock_(std::move(clock)) {}

  Result<mesh::v1::ListRelaysResponse> list_relays(const rpc::Caller&,
                                                   const mesh::v1::ListRelaysRequest&) override;
  Result<mesh::v1::Relay> get_relay(const rpc::Caller&, const mesh::v1::GetRelayRequest&) override;
  Result<mesh::v1::Relay> drain_relay(const rpc::Caller&,
                                      const mesh::v1::DrainRelayRequest&) override;
  Result<mesh::v1::RemoveRelayResponse> remove_relay(const rpc::Caller&,
                                                     const mesh::v1::RemoveRelayRequest&) override;

 private:
  mesh::v1::Relay describe(const store::RelayRecord& record) const;
  store::AuditEvent event(const rpc::Caller& caller, const char* action,
                          const store::RelayRecord& record) const;

  const Directory& directory_;
  store::Store& store_;
  RelayPresence& presence_;
  WallClock clock_;
};

}  // namespace kernmesh::server
