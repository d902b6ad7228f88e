// SPDX-License-Identifier: Apache-2.0
#include "controller/server/audit.h"

namespace kernmesh::server {
namespace {

std::string actor_of(const rpc::Caller& caller) {
  switch (caller.kind) {
    case rpc::CallerKind::kNode:
      return "node " + to_string(caller.node);
    case rpc::CallerKind::kRelay:
      return "relay " + to_string(caller.relay);
    case rpc::CallerKind::kPerson:
      return caller.person.name;
    case rpc::CallerKind::kAnyone:
    case rpc::CallerKind::kNobody:
      break;
  }
  return "stranger";
}

}  // namespace

store::AuditEvent event_by(const rpc::Caller& caller, WallTime now, Deed deed) {
  return {
      now,        actor_of(caller), deed.action, std::move(deed.subject), std::move(deed.detail),
      caller.from};
}

std::string subject_of(const store::NodeRecord& record) {
  return "node " + to_string(record.node.id) + " (" + record.node.name + ")";
}

std::string subject_of(const topology::User& user) { return "user " + user.name; }

}  // namespace kernmesh::server
