// SPDX-License-Identifier: Apache-2.0
// Entries of the audit log by who calls (L3, pure).
#pragma once

#include <string>

#include "controller/rpc/gate.h"
#include "controller/store/audit_event.h"
#include "controller/store/record.h"

namespace kernmesh::server {

// What was done, to what, and what else there is to say; never a secret.
struct Deed {
  const char* action;
  std::string subject;
  std::string detail;
};

// The event of a restore: with it the numbers of events begin again from those of the backup.
inline constexpr const char* kRestoreAction = "network.restore";

store::AuditEvent event_by(const rpc::Caller& caller, WallTime now, Deed deed);

// "node 7 (web-1)", "user ada"
std::string subject_of(const store::NodeRecord& record);
std::string subject_of(const topology::User& user);

}  // namespace kernmesh::server
