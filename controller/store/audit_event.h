// SPDX-License-Identifier: Apache-2.0
// The audit log's entries and questions about them (L2, plain values).
#pragma once

#include <cstddef>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/ids.h"

namespace kernmesh::store {

// Kept in the order of commits, never changed or removed.
struct AuditEvent {
  WallTime at{};
  std::string actor;    // "administrator token", "user ada, token 3", "node 7", "server"
  std::string action;   // "node.join", "key.create", "register.denied"
  std::string subject;  // what it was done to
  std::string detail;   // never a secret
  std::string from;     // the caller's address and port; empty when there is none
  bool operator==(const AuditEvent&) const = default;
};
struct AuditRecord {
  AuditId id;
  AuditEvent event;
  bool operator==(const AuditRecord&) const = default;
};

enum class AuditOrder { kOldestFirst, kNewestFirst };
// An empty field admits every event.
struct AuditQuery {
  AuditOrder order = AuditOrder::kOldestFirst;
  AuditId beyond;        // only events that come after this one in the order; 0: from its beginning
  std::string actor;     // that one, or whoever acts for it: "user ada" also "user ada, token 3"
  std::string action;    // that one, or all of a kind: "node" also "node.join"
  WallTime since{};      // not before
  WallTime until{};      // before
  std::size_t most = 0;  // at most so many
};

}  // namespace kernmesh::store
