// SPDX-License-Identifier: Apache-2.0
// Lets callers in (L3, thread-safe): nodes and relays by session token, administrators by
// ticket.
#pragma once

#include <functional>

#include "controller/rpc/gate.h"
#include "controller/server/directory.h"

namespace kernmesh::server {

// The server's reading of CLOCK_REALTIME; tests bring their own.
using WallClock = std::function<WallTime()>;

class Gatekeeper : public rpc::Gate {
 public:
  Gatekeeper(const Directory& directory, WallClock clock)
      : directory_(directory), clock_(std::move(clock)) {}

  // For nodes: kUnauthenticated without a valid token, kNotFound when the node was removed,
  // kExpired when its key has expired. For relays the first two. For administrators
  // kUnauthenticated, and kPermissionDenied for somebody who is known but no administrator.
  Result<rpc::Caller> admit(rpc::Role required, std::string_view bearer) override;

 private:
  Result<rpc::Caller> admit_node(std::string_view bearer) const;
  Result<rpc::Caller> admit_relay(std::string_view bearer) const;
  Result<rpc::Caller> admit_administrator(std::string_view bearer) const;

  const Directory& directory_;
  WallClock clock_;
};

// Why this node may not go on, if so: removed, or its key has expired.
Status check_standing(const View& view, NodeId id, const MachinePublicKey& key);

Status check_standing(const View& view, relay::RelayId id, const MachinePublicKey& key);

}  // namespace kernmesh::server
